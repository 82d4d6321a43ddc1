# SPDX-License-Identifier: ISC
"""POP3: RFC 1939, 2449, 2595, 5034, 6856; each test has a mailbox of its own."""
import base64
import itertools
import poplib
import re
import ssl

import pytest

from imap_client import Imap, message
from pop3_client import Pop3

_users = itertools.count(1)


@pytest.fixture(scope="module")
def crowd():
    from support.server import Server
    s = Server("--set", "auth_delay=20ms", accounts=40)
    yield s
    s.close()


@pytest.fixture
def user(crowd):
    return f"user{next(_users)}@example.test"


@pytest.fixture
def filled(crowd, user):
    """Three messages in INBOX; the user's name."""
    with Imap(crowd, user=user) as c:
        c.fill(3)
    return user


def connect(crowd, user):
    return Pop3(crowd, user=user)


# ---- before login ----

def test_greeting_and_quit(crowd):
    with Pop3(crowd) as p:
        assert p.greeting.startswith(b"+OK")
        p.ok("QUIT")
        assert p.line() == b""


def test_capabilities(crowd, filled):
    with Pop3(crowd) as p:
        before = p.many("CAPA")
        assert {b"TOP", b"UIDL", b"USER", b"STLS", b"PIPELINING", b"RESP-CODES", b"AUTH-RESP-CODE", b"UTF8",
                b"EXPIRE NEVER", b"SASL SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2"} <= set(before)
        p.ok("UTF8")
        p.ok(f"USER {filled}")
        p.ok(f"PASS {crowd.password(filled)}")
        after = p.many("CAPA")
        assert b"TOP" in after and b"STLS" not in after and b"USER" not in after


@pytest.mark.parametrize("command", ["STAT", "LIST", "RETR 1", "DELE 1", "NONSENSE", "", "PASS x", "AUTH CRAM-MD5"])
def test_refused_before_login(crowd, command):
    with Pop3(crowd) as p:
        p.fails(command)
        p.ok("CAPA")


def test_wrong_password(crowd, filled):
    with Pop3(crowd) as p:
        p.ok(f"USER {filled}")
        p.fails("PASS wrong", b"[AUTH] ")
        p.fails("PASS again")
        p.ok(f"USER {filled}")
        p.ok(f"PASS {crowd.password(filled)}")
    assert "wrong" not in re.sub(r'error="wrong user name or password"', "", crowd.log())


def test_too_many_failures_end_the_connection(crowd):
    with Pop3(crowd) as p:
        for _ in range(10):
            p.ok("USER nobody@example.test")
            p.fails("PASS x")
        assert p.line() == b""


def test_long_line(crowd):
    with Pop3(crowd) as p:
        p.send("x" * 20000)
        assert p.line().startswith(b"-ERR line too long")
        assert p.line() == b""


def test_auth_plain(crowd, filled):
    secret = base64.b64encode(f"\0{filled}\0{crowd.password(filled)}".encode()).decode()
    with Pop3(crowd) as p:
        assert p.many("AUTH") == [b"SCRAM-SHA-256", b"PLAIN", b"LOGIN", b"OAUTHBEARER", b"XOAUTH2"]
        assert p.run("AUTH PLAIN") == b"+ "
        assert p.run("*").startswith(b"-ERR")
        p.fails("AUTH PLAIN %%%")
        p.fails("AUTH PLAIN " + base64.b64encode(b"x").decode())
        assert p.run("AUTH PLAIN") == b"+ "
        assert p.run(secret).startswith(b"+OK")
        assert p.ok("STAT").startswith(b"+OK 3 ")
        p.ok("QUIT")
    with Pop3(crowd) as p:
        p.ok(f"AUTH PLAIN {secret}")


def test_auth_login(crowd, filled):
    with Pop3(crowd) as p:
        assert base64.b64decode(p.run("AUTH LOGIN")[2:]) == b"Username:"
        assert base64.b64decode(p.run(base64.b64encode(filled.encode()).decode())[2:]) == b"Password:"
        assert p.run(base64.b64encode(crowd.password(filled).encode()).decode()).startswith(b"+OK")


def test_stls_and_tls(crowd, filled):
    context = ssl.create_default_context(cafile=crowd.ca_file)
    context.check_hostname = False
    p = poplib.POP3(crowd.host, crowd.ports["pop3"], timeout=30)
    p.stls(context)
    assert "STLS" not in p.capa()
    p.user(filled)
    p.pass_(crowd.password(filled))
    assert p.stat()[0] == 3
    p.quit()
    p = poplib.POP3_SSL(crowd.host, crowd.ports["pop3s"], context=context, timeout=30)
    p.user(filled)
    p.pass_(crowd.password(filled))
    assert p.stat()[0] == 3
    p.quit()


def test_what_is_sent_with_stls_is_dropped(crowd):
    with Pop3(crowd) as p:
        p.send("STLS\r\nUSER injected\r\n")
        assert p.line().startswith(b"+OK")
        p.wrap()
        p.fails("PASS x")


def test_no_password_in_clear():
    from support.server import Server
    s = Server(accounts=1, clear=False)
    try:
        with Pop3(s) as p:
            assert b"USER" not in p.many("CAPA")
            for command in ("USER x", "PASS x", "AUTH PLAIN"):
                p.fails(command, b"[AUTH] ")
    finally:
        s.close()


# ---- the maildrop ----

def test_stat_list_uidl(crowd, filled):
    with connect(crowd, filled) as p:
        rows = [tuple(map(int, row.split())) for row in p.many("LIST")]
        assert [n for n, _ in rows] == [1, 2, 3]
        assert p.ok("STAT") == b"+OK 3 %d" % sum(size for _, size in rows)
        assert p.ok("LIST 2") == b"+OK 2 %d" % rows[1][1]
        for n, size in rows:
            text = b"".join(line + b"\r\n" for line in p.many(f"RETR {n}"))
            assert len(text) == size and f"Subject: number {n}".encode() in text
        ids = [row.split()[1] for row in p.many("UIDL")]
        assert len(set(ids)) == 3 and all(re.fullmatch(rb"[!-~]{1,70}", i) for i in ids)
        assert p.ok("UIDL 3") == b"+OK 3 " + ids[2]
        for bad in ("LIST 4", "LIST 0", "LIST x", "UIDL 4", "RETR 4", "RETR", "RETR -1", "DELE 99999999999", "TOP 1",
                    "TOP 1 x", "TOP 4 1"):
            p.fails(bad)
        p.ok("NOOP")


def test_uidl_survives_sessions_and_imap(crowd, filled):
    with connect(crowd, filled) as p:
        ids = dict(row.split() for row in p.many("UIDL"))
        p.ok("QUIT")
    with Imap(crowd, user=filled) as c:
        c.ok("CREATE Away")
        c.ok("SELECT INBOX")
        c.ok("MOVE 2 Away")
        c.ok("SELECT Away")
        c.ok("MOVE 1 INBOX")
        c.append("INBOX", message("fourth"))
    with connect(crowd, filled) as p:
        again = [row.split()[1] for row in p.many("UIDL")]
    assert again[:3] == [ids[b"1"], ids[b"3"], ids[b"2"]] and again[3] not in ids.values()


def test_top(crowd, user):
    body = "one\r\n.two\r\nthree\r\n"
    with Imap(crowd, user=user) as c:
        c.append("INBOX", message("top", body))
    with connect(crowd, user) as p:
        header = p.many("TOP 1 0")
        assert header[-1] == b"" and b"Subject: top" in header
        assert p.many("TOP 1 2") == header + [b"one", b".two"]
        assert p.many("TOP 1 99") == header + [b"one", b".two", b"three"] == p.many("RETR 1")


def test_delete(crowd, filled):
    with connect(crowd, filled) as p:
        p.ok("DELE 2")
        for command in ("DELE 2", "RETR 2", "LIST 2", "UIDL 2", "TOP 2 0"):
            p.fails(command)
        assert p.ok("STAT").startswith(b"+OK 2 ")
        assert [row.split()[0] for row in p.many("LIST")] == [b"1", b"3"]
        p.ok("RSET")
        assert p.ok("STAT").startswith(b"+OK 3 ")
        p.ok("DELE 1")
        p.ok("DELE 3")
        p.ok("QUIT")
        assert p.line() == b""
    with Imap(crowd, user=filled) as c:
        c.ok("SELECT INBOX")
        assert c.ok("UID SEARCH ALL") == [b"* SEARCH 2"]


def test_no_quit_no_deletion(crowd, filled):
    with connect(crowd, filled) as p:
        p.ok("DELE 1")
    with connect(crowd, filled) as p:
        assert p.ok("STAT").startswith(b"+OK 3 ")


def test_one_session_at_a_time(crowd, filled):
    with connect(crowd, filled) as first:
        with Pop3(crowd) as second:
            second.ok(f"USER {filled}")
            second.fails(f"PASS {crowd.password(filled)}", b"[IN-USE] ")
            first.ok("QUIT")
            assert first.line() == b""
            second.ok(f"USER {filled}")
            second.ok(f"PASS {crowd.password(filled)}")


def test_gone_by_imap(crowd, filled):
    with connect(crowd, filled) as p, Imap(crowd, user=filled) as c:
        c.ok("SELECT INBOX")
        c.ok("STORE 1 +FLAGS (\\Deleted)")
        c.ok("EXPUNGE")
        c.append("INBOX", message("later"))
        p.fails("RETR 1")
        assert b"Subject: number 2" in p.many("RETR 2")
        assert p.ok("STAT").startswith(b"+OK 3 ")
        p.ok("DELE 1")
        p.ok("DELE 3")
        p.ok("QUIT")
        assert subjects(c) == [b"number 2", b"later"]


def subjects(c):
    c.ok("NOOP")
    lines = c.ok("FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
    return re.findall(rb"Subject: ([^\r]+)", b"".join(lines))


def test_pipelining(crowd, filled):
    with Pop3(crowd) as p:
        p.send(f"USER {filled}\r\nPASS {crowd.password(filled)}\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nDELE 1\r\nQUIT\r\n")
        assert [p.line()[:3] for _ in range(2)] == [b"+OK", b"+OK"]
        assert p.line().startswith(b"+OK 3 ")
        lines = p.file.read().split(b"\r\n")
        assert lines[-2].startswith(b"+OK") and lines.count(b".") == 2


def test_large_message_to_a_slow_reader(crowd, user):
    body = "".join(f".{i:08d}\r\n" for i in range(500_000))
    with Imap(crowd, user=user) as c:
        c.append("INBOX", message("large", body))
    with connect(crowd, user) as p:
        p.ok("RETR 1")
        got = p.rest()
        assert got[-500_000:] == body.encode().split(b"\r\n")[:-1]
        p.ok("NOOP")


def test_empty_inbox_of_a_new_account(crowd, user):
    with connect(crowd, user) as p:
        assert p.ok("STAT") == b"+OK 0 0"
        assert p.many("LIST") == [] and p.many("UIDL") == []
        p.ok("QUIT")


def test_lone_line_feeds_and_no_end(crowd, user):
    with Imap(crowd, user=user) as c:
        c.append("INBOX", b"Subject: x\n\nsome\n.text")
    with connect(crowd, user) as p:
        assert p.many("RETR 1")[-2:] == [b"some", b".text"]


def test_idle_session_ends():
    from support.server import Server
    s = Server("--set", "pop3_idle_max=300ms", accounts=1)
    try:
        with Pop3(s, user="user1@example.test") as p:
            assert p.line() == b""
        with Pop3(s, user="user1@example.test") as p:
            p.ok("STAT")
    finally:
        s.close()
