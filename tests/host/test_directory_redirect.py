# SPDX-License-Identifier: ISC
"""Redirections: targets here get the mail at once, targets elsewhere wait for their code, nothing is ever lost."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap  # noqa: E402
from smtp_client import Smtp  # noqa: E402
from test_lmtp import Lmtp  # noqa: E402


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server("--set", "listen_lmtp=127.0.0.1:0", accounts=8)
    yield s
    s.close()


def run(host, *words, refused=False):
    done = host.run(*words, "--json", check=False)
    assert done.returncode == (1 if refused else 0), done.stdout + done.stderr
    answer = json.loads(done.stdout)
    return answer["message"] if refused else answer


def user(n):
    return f"user{n}@example.test"


def rcpt(host, *addresses):
    """The answers to RCPT, then the message is sent to who was accepted."""
    with Smtp(host) as c:
        assert c.ask(b"MAIL FROM:<a@sender.test>")[0] == 250
        return [c.ask(b"RCPT TO:<" + a.encode() + b">") for a in addresses]


def send(host, subject, *addresses):
    with Smtp(host) as c:
        c.envelope("a@sender.test", *addresses)
        assert c.ask(b"DATA")[0] == 354
        c.send(f"From: a@sender.test\r\nMessage-ID: <{subject}@sender.test>\r\nSubject: {subject}\r\n\r\nx\r\n.\r\n".encode())
        assert c.reply()[0] == 250


def found(host, address, subject, folder="INBOX"):
    """The Delivered-To of each copy."""
    with Imap(host, user=address) as c:
        c.ok(f"SELECT {folder}")
        uids = c.ok(f"SEARCH SUBJECT {subject}")[0].split()[2:]
        texts = [b"".join(c.ok(f"FETCH {uid.decode()} BODY.PEEK[HEADER.FIELDS (DELIVERED-TO)]")) for uid in uids]
        return [t.split(b"Delivered-To: ")[1].split(b"\r\n")[0].decode() for t in texts]


def test_targets_here(host):
    assert run(host, "redirection", "add", user(1), user(2)) == {"ok": True, "confirmed": True}
    send(host, "both", user(1))
    assert found(host, user(1), "both") == found(host, user(2), "both") == [user(1)]
    run(host, "redirection", "keep", user(1), "no")
    send(host, "only", "User1+detail@example.test")
    assert found(host, user(1), "only") == [] and found(host, user(2), "only") == [user(1)]
    # Named twice, delivered once; the other recipient of the same message too.
    send(host, "once", user(1), user(2), user(3))
    assert found(host, user(2), "once") == [user(1)] and found(host, user(3), "once") == [user(3)]
    host.stop()
    host.start()
    send(host, "after", user(1))
    assert found(host, user(1), "after") == [] and found(host, user(2), "after") == [user(1)]
    shown = run(host, "address", "show", user(1))
    assert shown["keep_copy"] is False and [r["target"] for r in shown["redirections"]] == [user(2)]
    run(host, "redirection", "delete", user(1), user(2))
    send(host, "own", user(1))
    assert found(host, user(1), "own") == [user(1)] and found(host, user(2), "own") == []
    actions = [e["action"] for e in run(host, "audit", "list", "Example")["entries"]]
    assert actions[:3] == ["redirection delete", "redirection keep", "redirection add"]


def test_loops_are_refused_with_their_chain(host):
    run(host, "redirection", "add", user(3), user(4))
    run(host, "redirection", "add", user(4), user(5))
    assert run(host, "redirection", "add", user(5), user(3), refused=True) == \
        f"that would be a loop: {user(5)} -> {user(3)} -> {user(4)} -> {user(5)}"
    assert "itself" in run(host, "redirection", "add", user(5), "user5+x@example.test", refused=True)
    send(host, "chain", user(3))
    assert [found(host, user(n), "chain") for n in (3, 4, 5)] == [[user(3)]] * 3


def test_targets_elsewhere_wait_for_their_code(host):
    code = run(host, "redirection", "add", user(6), "Friend@Else.test", "--keep-copy", "no")["code"]
    assert len(code) >= 6 and code.isalpha()
    entry, = run(host, "redirection", "list", user(6))["redirections"]
    assert entry["target"] == "Friend@else.test" and not entry["confirmed"] and entry["code"] == code
    wrong = "a" * len(code) if code[0] != "a" else "b" * len(code)
    assert "not the code" in run(host, "redirection", "confirm", user(6), "friend@else.test", wrong, refused=True)
    run(host, "redirection", "confirm", user(6), "friend@else.test", code.upper())
    entry, = run(host, "redirection", "list", user(6))["redirections"]
    assert entry["confirmed"] and "code" not in entry
    assert code not in json.dumps(run(host, "audit", "list", "Example"))
    # Nothing goes out yet: the mailbox keeps what it was not to keep.
    send(host, "kept", user(6))
    assert found(host, user(6), "kept") == [user(6)]


def test_redirect_only(host):
    only = "sales@example.test"
    run(host, "address", "add", only, "--redirect-only")
    assert run(host, "address", "show", only)["kind"] == "redirect"
    assert rcpt(host, only)[0][0] == 550
    run(host, "redirection", "add", only, user(7))
    run(host, "redirection", "add", only, user(8))
    send(host, "sales", only)
    assert found(host, user(7), "sales") == found(host, user(8), "sales") == [only]
    run(host, "redirection", "add", only, "sales@else.test")
    run(host, "redirection", "approve", only, "sales@else.test")
    (code, text), (other, _) = rcpt(host, only, user(1))
    assert code == 450 and "450 4.3.2" in text and "another server" in text and other == 250
    assert "no mailbox" in run(host, "device", "add", only, "phone", refused=True)
    with Smtp(host, "submission") as c:
        assert c.login(only, "x")[0] == 535
    run(host, "address", "delete", only)
    assert rcpt(host, only)[0][0] == 550


def test_offer_limits(host):
    try:
        run(host, "offer", "set", "premium", "redirect_targets", "1")
        run(host, "offer", "set", "premium", "redirect_addresses", "0")
        run(host, "redirection", "add", user(8), user(1))
        assert "1 redirect targets" in run(host, "redirection", "add", user(8), user(2), refused=True)
        assert "0 redirect-only" in run(host, "address", "add", "r@example.test", "--redirect-only", refused=True)
    finally:
        run(host, "offer", "set", "premium", "redirect_targets", "100")
        run(host, "offer", "set", "premium", "redirect_addresses", "20")
        run(host, "redirection", "delete", user(8), user(1))


def test_lmtp_answers_once_for_all_mailboxes(host):
    """One of two mailboxes is full: the recipient is answered for the one that has it."""
    run(host, "redirection", "add", user(7), user(8))
    run(host, "address", "quota", user(8), "1")
    try:
        with Lmtp(host) as c:
            c.run("LHLO client.example.test", "MAIL FROM:<a@sender.test>", *(f"RCPT TO:<{user(n)}>" for n in (7, 8, 1)))
            assert c.run("DATA").startswith("354")
            answers = [c.run("From: a@sender.test\r\nMessage-ID: <l@sender.test>\r\nSubject: bylmtp\r\n\r\nx\r\n.")]
            answers += [c.reply() for _ in range(2)]
    finally:
        run(host, "address", "quota", user(8), "-1")
    assert [a[:3] for a in answers] == ["250", "552", "250"]
    assert found(host, user(7), "bylmtp") == [user(7)] and found(host, user(8), "bylmtp") == []
