# SPDX-License-Identifier: ISC
"""imaptest's scripted conversations: every group whose capabilities we have; the others with the reason."""

import pytest

from imap_client import Imap
from imap_script import Mismatch, Runner, Script, Variables, Words, read_mbox, words_of_line
from support.server import SUITES

SCRIPTS = SUITES / "imaptest-scripts"
NO_SCRIPTS = {"LICENSE.txt", "README.md", "scripted_test.md"}
NAMES = sorted(p.name for p in SCRIPTS.glob("*") if p.suffix != ".mbox" and p.name not in NO_SCRIPTS)


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=2)
    yield s
    s.close()


@pytest.fixture(scope="module")
def capabilities(host):
    with Imap(host, user="user1@example.test") as c:
        line = next(line for line in c.ok("CAPABILITY") if line.startswith(b"* CAPABILITY"))
    return set(line.decode().upper().split()[2:])


@pytest.mark.skipif(not NAMES, reason=f"no scripts in {SCRIPTS}")
@pytest.mark.parametrize("name", NAMES or ["none"])
def test_script(host, capabilities, name):
    script = Script((SCRIPTS / name).read_text(encoding="latin-1"))
    missing = set(script.header.get("capabilities", "").upper().split()) - capabilities
    if missing:
        pytest.skip(f"{name} needs " + " ".join(sorted(missing)))
    mbox = SCRIPTS / f"{name}.mbox"
    messages = read_mbox(mbox if mbox.exists() else SCRIPTS / "default.mbox")
    user = "user1@example.test"
    Runner(script, messages, lambda: Imap(host), user, host.password(user), "imaptest").play()


# ---- the runner itself ----

MESSAGES = [("Subject: a\r\n\r\nb\r\n", 0)]


def play(host, text):
    user = "user2@example.test"
    Runner(Script(text), MESSAGES, lambda: Imap(host), user, host.password(user), "box").play()


def test_words():
    assert words_of_line(b'1 FETCH (UID 2 BODY[HEADER.FIELDS (A B)]<0> {3}a)( FLAGS (\\Seen) X "a \\"b")') == [
        "1", "FETCH", Words(["UID", "2", "BODY[HEADER.FIELDS (A B)]<0>", "a)(", "FLAGS", Words(["\\Seen"]), "X", 'a "b'])]


def test_variables():
    v, bound = Variables(x="7"), {}
    assert v.match("$x:${y}z", "7:12z", {}, bound) and bound == {"y": "12"}
    assert not v.match("$x", "8", {}, {}) and v.match("$$x", "$X", {}, {})
    assert v.match("$3", "2", {3: 2}, {}) and not v.match("$3", "3", {3: 2}, {})
    assert v.expand("a $x ${x}b $$c $1") == "a 7 7b $c 1"


def test_a_script_that_holds(host):
    play(host, """messages: 3

ok store 1:2 flags (\\seen)
* $1 fetch (flags (\\seen))
* 2 fetch (flags ($!unordered \\seen))
! 3 fetch $
ok uid fetch 1:* uid
* 1 fetch (uid $one)
store 2 +flags (\\deleted)
ok
tag1 expunge
tag2 noop
* $2 expunge
tag1 ok
tag2 ok
append nowhere
no [trycreate]
ok uid fetch $one uid
""")


@pytest.mark.parametrize("wrong", [
    "ok store 1 flags (\\seen)\n* 1 fetch (flags (\\flagged))", "ok noop\n* 1 exists", "no noop",
    "ok store 1 flags (\\seen)\n! 1 fetch (flags (\\seen))", "ok fetch 1 (uid flags)\n* 1 fetch (uid 99)",
    "noop\nok [unseen]", "ok fetch 1 flags\n* 1 fetch (flags (\\seen))"])
def test_a_script_that_does_not(host, wrong):
    with pytest.raises(Mismatch):
        play(host, "messages: 2\n\n" + wrong + "\n")
