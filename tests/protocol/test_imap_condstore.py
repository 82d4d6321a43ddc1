# SPDX-License-Identifier: ISC
"""CONDSTORE and QRESYNC (RFC 7162)."""
import itertools
import re

import pytest

from imap_client import Imap, message

_users = itertools.count(1)


@pytest.fixture(scope="module")
def crowd():
    from support.server import Server
    s = Server(accounts=40)
    yield s
    s.close()


@pytest.fixture
def user(crowd):
    return f"user{next(_users)}@example.test"


@pytest.fixture
def c(crowd, user):
    with Imap(crowd, user=user) as client:
        client.fill(5)
        yield client


@pytest.fixture
def other(crowd, user, c):
    """Another session of the same account, in INBOX."""
    with Imap(crowd, user=user) as client:
        client.ok("SELECT INBOX")
        yield client


def highest(lines):
    return int(re.search(rb"\[HIGHESTMODSEQ (\d+)\]", b"\n".join(lines)).group(1))


def validity(lines):
    return int(re.search(rb"\[UIDVALIDITY (\d+)\]", b"\n".join(lines)).group(1))


def modseqs(lines):
    """{number: modseq} of FETCH lines."""
    found = (re.match(rb"\* (\d+) FETCH \(.*MODSEQ \((\d+)\)", line) for line in lines)
    return {int(m.group(1)): int(m.group(2)) for m in found if m}


def vanished(lines, earlier=False):
    start = b"* VANISHED (EARLIER) " if earlier else b"* VANISHED "
    return [line[len(start):] for line in lines if line.startswith(start)]


# ---- CONDSTORE ----

def test_fetch_modseq(c):
    top = highest(c.ok("SELECT INBOX"))
    found = modseqs(c.ok("FETCH 1:* (MODSEQ)"))
    assert sorted(found) == [1, 2, 3, 4, 5] and max(found.values()) == top
    assert len(set(found.values())) == 5
    assert modseqs(c.ok("FETCH 1:* (FLAGS UID INTERNALDATE MODSEQ)")) == found


def test_store_tells_modseq_once_enabled(c):
    top = highest(c.ok("SELECT INBOX (CONDSTORE)"))
    lines = c.ok("STORE 2 +FLAGS (\\Seen)")
    assert modseqs(lines)[2] > top and b"FLAGS (\\Seen" in lines[0]
    silent = c.ok("STORE 3 +FLAGS.SILENT (\\Seen)")
    assert modseqs(silent)[3] > modseqs(lines)[2] and b"FLAGS" not in silent[0]
    assert highest(c.ok("SELECT INBOX")) == modseqs(silent)[3]


def test_not_enabled_tells_no_modseq(c):
    c.ok("SELECT INBOX")
    assert not modseqs(c.ok("STORE 2 +FLAGS (\\Seen)"))
    assert not c.ok("STORE 2 -FLAGS.SILENT (\\Seen)")


@pytest.mark.parametrize("command", [
    "ENABLE CONDSTORE", "FETCH 1 (MODSEQ)", "FETCH 1 (FLAGS) (CHANGEDSINCE 1)", "SEARCH MODSEQ 1",
    "STORE 1 (UNCHANGEDSINCE 99999999) +FLAGS (x)", "STATUS INBOX (HIGHESTMODSEQ)", "SELECT INBOX (CONDSTORE)"])
def test_what_enables(c, other, command):
    c.ok("SELECT INBOX")
    c.ok(command)
    other.ok("STORE 4 +FLAGS (\\Flagged)")
    assert 4 in modseqs(c.ok("NOOP"))


def test_changed_since(c, other):
    top = highest(c.ok("SELECT INBOX"))
    assert c.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {top})") == []
    other.ok("STORE 2,4 +FLAGS (\\Flagged)")
    c.ok("NOOP")
    lines = c.ok(f"UID FETCH 1:3,5 (FLAGS) (CHANGEDSINCE {top})")
    assert len(lines) == 1 and b"UID 2" in lines[0] and modseqs(lines)[2] > top
    assert set(modseqs(c.ok(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {top})"))) == {2, 4}


def test_unchanged_since(c, other):
    top = highest(c.ok("SELECT INBOX"))
    other.ok("STORE 2 +FLAGS (\\Flagged)")
    lines, last = c.run(f"STORE 1:3 (UNCHANGEDSINCE {top}) +FLAGS.SILENT (\\Deleted)")
    assert last.startswith(b"OK [MODIFIED 2]")
    assert {1, 3} <= set(modseqs(lines))
    flags = c.ok("FETCH 1:3 (FLAGS)")
    assert b"Deleted" in flags[0] and b"Deleted" not in flags[1] and b"Flagged" in flags[1] and b"Deleted" in flags[2]
    last = c.run(f"UID STORE 1:5 (UNCHANGEDSINCE {top}) +FLAGS (\\Seen)")[1]
    assert last.startswith(b"OK [MODIFIED 1:3]")
    c.fails("STORE 1 (UNCHANGEDSINCE 0) +FLAGS (x)", b"OK [MODIFIED 1]")


def test_search(c):
    top = highest(c.ok("SELECT INBOX"))
    c.ok("STORE 2,4 +FLAGS (\\Flagged)")
    line = c.ok(f"SEARCH MODSEQ {top + 1}")
    assert re.fullmatch(rb"\* SEARCH 2 4 \(MODSEQ \d+\)", line[0])
    assert c.ok('SEARCH MODSEQ "/flags/\\\\draft" all 99999999') == [b"* SEARCH"]
    assert re.search(rb" COUNT 2 MODSEQ \d+$", c.ok(f"SEARCH RETURN (COUNT) MODSEQ {top + 1}")[0])
    found = modseqs(c.ok("FETCH 1:* (MODSEQ)"))
    assert c.ok("SEARCH RETURN (MIN) MODSEQ 1")[0].endswith(b" MIN 1 MODSEQ %d" % found[1])
    assert c.ok("SEARCH RETURN (MIN MAX) MODSEQ 1")[0].endswith(b" MIN 1 MAX 5 MODSEQ %d" % max(found[1], found[5]))
    assert c.ok("SEARCH NOT MODSEQ 1") == [b"* SEARCH"]


def test_status(c):
    top = highest(c.ok("SELECT INBOX"))
    assert c.ok("STATUS INBOX (HIGHESTMODSEQ)") == [b"* STATUS INBOX (HIGHESTMODSEQ %d)" % top]


@pytest.mark.parametrize("bad", [
    "FETCH 1 (FLAGS) (CHANGEDSINCE)", "FETCH 1 (FLAGS) (CHANGED 1)", "FETCH 1 FLAGS (CHANGEDSINCE 1",
    "FETCH 1 FLAGS (VANISHED)", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)", "STORE 1 (UNCHANGED 1) FLAGS (x)",
    "STORE 1 (UNCHANGEDSINCE x) FLAGS (x)", "SELECT INBOX (SOMETHING)", "SELECT INBOX (QRESYNC (1 1))",
    "SELECT INBOX (CONDSTORE", "SEARCH MODSEQ", 'SEARCH MODSEQ "/flags/x" some 3'])
def test_bad(c, bad):
    c.ok("SELECT INBOX")
    c.fails(bad, b"BAD")
    assert len(c.ok("FETCH 1:* FLAGS")) == 5


# ---- QRESYNC ----

def test_enable(c):
    assert c.ok("ENABLE QRESYNC X-UNKNOWN") == [b"* ENABLED QRESYNC"]
    c.ok("SELECT INBOX")
    assert highest(c.ok("ENABLE CONDSTORE")) > 0


def test_expunge_is_vanished(c, other):
    c.ok("ENABLE QRESYNC")
    c.ok("SELECT INBOX")
    other.ok("STORE 2,3,5 +FLAGS.SILENT (\\Deleted)")
    assert len([line for line in other.ok("EXPUNGE") if b"EXPUNGE" in line]) == 3
    lines = c.ok("NOOP")
    assert vanished(lines) == [b"2:3,5"] and not any(b"EXPUNGE" in line for line in lines)
    c.ok("STORE 2 +FLAGS (\\Deleted)")
    lines, last = c.run("EXPUNGE")
    assert vanished(lines) == [b"4"]
    top = int(re.match(rb"OK \[HIGHESTMODSEQ (\d+)\]", last).group(1))
    assert highest(c.ok("SELECT INBOX")) == top
    c.ok("CREATE Away")
    lines, last = c.run("UID MOVE 1 Away")
    assert vanished(lines) == [b"1"] and b"COPYUID" in lines[0] and last.startswith(b"OK [HIGHESTMODSEQ ")
    assert c.run("EXPUNGE")[1] == b"OK expunged"


def test_unsolicited_fetch_has_uid(c, other):
    c.ok("ENABLE QRESYNC")
    c.ok("SELECT INBOX")
    other.ok("STORE 3 +FLAGS (\\Flagged)")
    line = c.ok("NOOP")[0]
    assert b"UID 3 " in line and b"MODSEQ (" in line


def changes(c, other):
    """Selects, then lets another session change the folder: (validity, modseq before)."""
    c.ok("ENABLE QRESYNC")
    lines = c.ok("SELECT INBOX")
    c.ok("UNSELECT")
    other.ok("STORE 1,4 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    other.ok("STORE 2 +FLAGS.SILENT (\\Flagged)")
    other.append("INBOX", message("new"))
    return validity(lines), highest(lines)


def test_resync(c, other):
    valid, top = changes(c, other)
    lines = c.ok(f"SELECT INBOX (QRESYNC ({valid} {top}))")
    assert vanished(lines, True) == [b"1,4"]
    fetched = [line for line in lines if b" FETCH " in line]
    assert [re.search(rb"UID (\d+)", line).group(1) for line in fetched] == [b"3", b"6"]
    assert b"\\Flagged" in fetched[0] and set(modseqs(lines)) == {2, 4}
    after = highest(lines)
    again = c.ok(f"SELECT INBOX (QRESYNC ({valid} {after}))")
    assert again[0].startswith(b"* OK [CLOSED]")
    assert not vanished(again, True) and not modseqs(again)


@pytest.mark.parametrize("known,gone,changed", [
    ("2:6", b"4", {2, 4}), ("1:2", b"1", set()), ("1,3 (1,3 1,3)", b"1", {2}), ("2", None, set())])
def test_resync_of_known_uids(c, other, known, gone, changed):
    valid, top = changes(c, other)
    lines = c.ok(f"SELECT INBOX (QRESYNC ({valid} {top} {known}))")
    assert vanished(lines, True) == ([gone] if gone else [])
    assert set(modseqs(lines)) == changed


def test_resync_with_other_validity_or_old_modseq(c, other):
    valid, _ = changes(c, other)
    lines = c.ok(f"SELECT INBOX (QRESYNC ({valid + 1} 1))")
    assert not vanished(lines, True) and not modseqs(lines)
    c.fails(f"SELECT INBOX (QRESYNC ({valid} 5 1:6 (1,2 3)))", b"BAD")
    c.fails(f"SELECT INBOX (QRESYNC ({valid}))", b"BAD")


def test_fetch_vanished(c, other):
    valid, top = changes(c, other)
    c.ok("SELECT INBOX")
    lines = c.ok(f"UID FETCH 1:3 (FLAGS) (CHANGEDSINCE {top} VANISHED)")
    assert vanished(lines, True) == [b"1"] and set(modseqs(lines)) == {2}
    c.fails(f"FETCH 1:3 (FLAGS) (CHANGEDSINCE {top} VANISHED)", b"BAD")
    other.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    other.ok("EXPUNGE")
    lines = c.ok(f"UID FETCH 1:3 (FLAGS) (CHANGEDSINCE {top} VANISHED)")
    assert b"2" in vanished(lines), "not told of before, so not earlier"


def test_vanished_of_a_folder_made_again(c):
    c.ok("ENABLE QRESYNC")
    c.ok("CREATE Box")
    c.fill(3, "Box")
    old = c.ok("SELECT Box")
    c.ok("UNSELECT")
    c.ok("DELETE Box")
    c.ok("CREATE Box")
    new = c.ok(f"SELECT Box (QRESYNC ({validity(old)} {highest(old)}))")
    assert validity(new) != validity(old) and not vanished(new, True)
