# SPDX-License-Identifier: ISC
"""Every IMAP command, byte by byte: RFC 3501 unless another is named."""
import base64
import itertools
import re

import pytest

from imap_client import Imap, message
from smtp_client import Smtp

_users = itertools.count(1)


@pytest.fixture(scope="module")
def crowd():
    """A server with an address for each test."""
    from support.server import Server
    s = Server(accounts=120)
    yield s
    s.close()


@pytest.fixture
def user(crowd):
    return f"user{next(_users)}@example.test"


@pytest.fixture
def c(crowd, user):
    with Imap(crowd, user=user) as client:
        yield client


def untagged(lines, word):
    return [line for line in lines if re.match(rb"\* (\d+ )?" + word.encode() + rb"\b", line)]


# ---- any state ----

def test_capability(crowd):
    with Imap(crowd) as c:
        assert c.greeting.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
        before = c.ok("CAPABILITY")[0].split()
        for word in (b"STARTTLS", b"SASL-IR", b"AUTH=PLAIN", b"LITERAL+", b"ID", b"IDLE", b"UIDPLUS", b"MOVE",
                     b"ENABLE", b"NAMESPACE", b"UNSELECT", b"SPECIAL-USE"):
            assert word in before
        assert c.ok("capability")[0].split() == before


def test_noop_and_logout(crowd):
    with Imap(crowd) as c:
        assert c.ok("NOOP") == []
        lines, last = c.run("LOGOUT")
        assert lines[0].startswith(b"* BYE") and last.startswith(b"OK")
        assert c.line() == b""


def test_logout_after_login(c):
    lines, last = c.run("LOGOUT")
    assert lines[0].startswith(b"* BYE") and last.startswith(b"OK")
    assert c.line() == b""


def test_id(crowd, c):
    for client in (c, Imap(crowd)):
        assert client.ok('ID ("name" "test" "version" NIL)')[0].startswith(b'* ID ("name" "Restante"')
        assert untagged(client.ok("ID NIL"), "ID")
        client.fails("ID (", b"BAD")


# ---- before login ----

def test_starttls(crowd, user):
    with Imap(crowd) as c:
        c.ok("STARTTLS")
        c.wrap()
        assert b"STARTTLS" not in c.ok("CAPABILITY")[0]
        c.ok(f"LOGIN {user} {crowd.password(user)}")


def test_starttls_forgets_what_was_sent_with_it(crowd):
    """Commands injected before the handshake are not run behind it (RFC 3501 6.2.1)."""
    with Imap(crowd) as c:
        c.send(b"t1 STARTTLS\r\nt2 NOOP\r\n")
        assert c.until("t1")[1].startswith((b"OK", b"BAD"))
        c.socket.settimeout(5)
        try:
            c.wrap()
            c.send(b"t3 NOOP\r\n")
            assert c.line().startswith(b"t3 OK")
        except OSError:
            pass  # refused as a whole: as good


def test_login(crowd, user):
    with Imap(crowd) as c:
        c.fails(f"LOGIN {user} wrong", b"NO [AUTHENTICATIONFAILED]")
        c.fails("LOGIN nobody@example.test wrong", b"NO [AUTHENTICATIONFAILED]")
        c.fails("LOGIN", b"BAD")
        c.fails("SELECT INBOX", b"BAD log in first")
        _, last = c.run(f'LOGIN "{user}" "{crowd.password(user)}"')
        assert last.startswith(b"OK [CAPABILITY IMAP4rev1 ") and b"AUTH=" not in last
        c.fails(f"LOGIN {user} x", b"BAD already logged in")


def test_login_with_literals(crowd, user):
    with Imap(crowd) as c:
        password = crowd.password(user).encode()
        c.send(b"t1 LOGIN {%d}\r\n" % len(user))
        assert c.line().startswith(b"+ ")
        c.send(user.encode() + b" {%d+}\r\n" % len(password) + password + b"\r\n")
        assert c.line().startswith(b"t1 OK")


def test_authenticate(crowd, user):
    password = crowd.password(user)
    plain = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
    with Imap(crowd) as c:
        c.send("t1 AUTHENTICATE PLAIN\r\n")
        assert c.line() == b"+ "
        c.send("*\r\n")
        assert c.line().startswith(b"t1 BAD")
        c.fails("AUTHENTICATE NONSENSE", b"NO")
        c.fails("AUTHENTICATE PLAIN not/base64!", b"BAD")
        c.fails("AUTHENTICATE PLAIN =", b"BAD")
        c.ok(f"AUTHENTICATE PLAIN {plain}")
        c.ok("SELECT INBOX")
    with Imap(crowd) as c:
        c.send("t1 authenticate login\r\n")
        assert c.line() == b"+ " + base64.b64encode(b"Username:")
        c.send(base64.b64encode(user.encode()) + b"\r\n")
        assert c.line() == b"+ " + base64.b64encode(b"Password:")
        c.send(base64.b64encode(password.encode()) + b"\r\n")
        assert c.line().startswith(b"t1 OK")


# ---- folders ----

def test_standard_folders(c):
    listed = c.ok('LIST "" "*"')
    for name, use in (("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Trash", "\\Trash"), ("Archive", "\\Archive"),
                      ("Spam", "\\Junk")):
        assert [line for line in listed if use.encode() in line and line.endswith(f" {name}".encode())]
    assert {line.split()[-1] for line in c.ok('LSUB "" "*"')} >= {b"INBOX", b"Sent", b"Spam"}
    assert [line for line in c.ok('XLIST "" "*"') if b"\\Spam" in line]


def test_list_patterns(c):
    c.ok("CREATE a/b/c")
    names = lambda command: sorted(line.split()[-1] for line in c.ok(command))
    assert names('LIST "" "a/*"') == [b"a/b", b"a/b/c"] or names('LIST "" "a/*"') == [b"a/b/c"]
    assert names('LIST "" a/b/%') == [b"a/b/c"]
    assert names('LIST a/ b/c') == [b"a/b/c"]
    assert names('LIST "" inbox') == [b"INBOX"]
    assert c.ok('LIST "" ""')[0].startswith(b'* LIST (\\Noselect) "/" ')
    assert names('LIST "" nothing*') == []


def test_create_delete_rename(c):
    c.ok("CREATE one")
    c.fails("CREATE one", b"NO [ALREADYEXISTS]")
    c.fails("CREATE inbox", b"NO [ALREADYEXISTS]")
    c.ok("RENAME one two")
    c.fails("SELECT one", b"NO [NONEXISTENT]")
    c.fails("RENAME one three", b"NO [NONEXISTENT]")
    c.ok("SELECT two")
    c.ok("CLOSE")
    c.ok("DELETE two")
    c.fails("DELETE two", b"NO [NONEXISTENT]")
    c.fails("DELETE INBOX", b"NO")
    c.fails("CREATE", b"BAD")


def test_subscribe(c):
    c.ok("CREATE x")
    c.ok("UNSUBSCRIBE x")
    assert not [line for line in c.ok('LSUB "" "*"') if line.endswith(b" x")]
    c.ok("SUBSCRIBE x")
    assert [line for line in c.ok('LSUB "" "*"') if line.endswith(b" x")]


def test_status(c):
    c.fill(2)
    line = c.ok("STATUS INBOX (MESSAGES UNSEEN UIDNEXT UIDVALIDITY RECENT)")[0]
    assert re.fullmatch(rb"\* STATUS INBOX \(MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY \d+ UNSEEN 2\)", line)
    c.fails("STATUS nowhere (MESSAGES)", b"NO [NONEXISTENT]")
    c.fails("STATUS INBOX MESSAGES", b"BAD")


def test_select_examine_unselect(c):
    c.fill(1)
    text = c.select("INBOX")
    for part in (b"* 1 EXISTS", b"* 1 RECENT", b"* FLAGS (", b"[PERMANENTFLAGS (", b"[UIDVALIDITY ", b"[UIDNEXT 2]",
                 b"[UNSEEN 1]"):
        assert part in text
    c.ok("UNSELECT")
    c.fails("FETCH 1 FLAGS", b"BAD select a mailbox first")
    _, last = c.run("EXAMINE INBOX")
    assert last.startswith(b"OK [READ-ONLY]")
    c.fails("STORE 1 +FLAGS (\\Seen)", b"NO")
    c.ok("FETCH 1 BODY[]")
    assert b"\\Seen" not in c.ok("FETCH 1 FLAGS")[0]
    _, last = c.run("SELECT INBOX")
    assert last.startswith(b"OK [READ-WRITE]")
    c.fails("SELECT nowhere", b"NO [NONEXISTENT]")
    c.fails("CHECK", b"BAD select a mailbox first")


def test_close_expunges_in_silence(c):
    c.fill(2)
    c.select("INBOX")
    c.ok("STORE 1 +FLAGS.SILENT (\\Deleted)")
    assert untagged(c.ok("CLOSE"), "EXPUNGE") == []
    assert b"* 1 EXISTS" in c.select("INBOX")
    assert c.ok("CHECK") == []


def test_namespace(c):
    assert c.ok("NAMESPACE") == [b'* NAMESPACE (("" "/")) NIL NIL']


def test_enable(c):
    assert untagged(c.ok("ENABLE NONSENSE"), "ENABLED") == [b"* ENABLED"]
    c.fails("ENABLE", b"BAD")


# ---- messages ----

def test_append(c):
    date = '"01-Feb-2020 10:20:30 +0100"'
    assert re.match(rb"OK \[APPENDUID \d+ 1\]", c.append("INBOX", message("x"), f"(\\Seen $Tag) {date} "))
    assert c.append("nowhere", message("x")).startswith(b"NO [TRYCREATE]")
    c.select("INBOX")
    line = c.ok("FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)")[0]
    assert b"\\Seen" in line and b"$Tag" in line and b'INTERNALDATE " 1-Feb-2020 09:20:30 +0000"' in line
    assert b"RFC822.SIZE %d" % len(message("x")) in line
    c.fails("APPEND INBOX x", b"BAD")
    assert c.append("INBOX", b"x" * 10, "(\\Bad ").startswith(b"BAD")


def test_append_without_waiting(c):
    """LITERAL+ (RFC 7888)"""
    m = message("plus")
    c.send(b"t1 APPEND INBOX {%d+}\r\n%b\r\nt2 NOOP\r\n" % (len(m), m))
    assert c.line().startswith(b"t1 OK [APPENDUID ")
    assert c.until("t2")[1].startswith(b"OK")


def test_append_too_large(c):
    c.send(b"t1 APPEND INBOX {4000000000}\r\n")
    assert c.line().startswith(b"t1 NO [TOOBIG]") or c.line().startswith(b"t1 NO")
    c.ok("NOOP")


def test_fetch_items(c):
    m = message("items", "one\r\ntwo\r\n")
    c.append("INBOX", m)
    c.select("INBOX")
    line = c.ok("FETCH 1 (UID FLAGS RFC822.SIZE ENVELOPE BODY BODYSTRUCTURE)")[0]
    assert line.startswith(b"* 1 FETCH (UID 1 FLAGS (")
    assert b'ENVELOPE ("Thu, 01 Jan 2026 12:00:00 +0000" "items" (("Alice" NIL "alice" "example.test"))' in line
    assert b'BODY ("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)' in line.upper()
    head = m[:m.index(b"\r\n\r\n") + 4]
    for item, content in (("BODY[]", m), ("RFC822", m), ("BODY[HEADER]", head), ("RFC822.HEADER", head),
                          ("BODY[TEXT]", b"one\r\ntwo\r\n"), ("RFC822.TEXT", b"one\r\ntwo\r\n"),
                          ("BODY[1]", b"one\r\ntwo\r\n"), ("BODY.PEEK[HEADER.FIELDS (Subject)]", b"Subject: items\r\n\r\n")):
        name = item.replace(".PEEK", "").replace("Subject", "SUBJECT")
        line = [x for x in c.ok(f"FETCH 1 {item}") if b"{" in x][0]
        assert line.upper().startswith(f"* 1 FETCH ({name} {{{len(content)}}}".upper().encode()), line
        assert content in line
    rest = c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Subject From To Date)]")[0]
    assert b"Message-ID: <items@example.test>\r\n\r\n" in rest and b"Subject:" not in rest.split(b"{")[1]
    assert c.ok("FETCH 1 BODY.PEEK[]<5.6>")[0] == b"* 1 FETCH (BODY[]<5> {6}" + m[5:11] + b")"
    assert c.ok("FETCH 1 BODY.PEEK[]<9999.6>")[0] in (b"* 1 FETCH (BODY[]<9999> {0})", b'* 1 FETCH (BODY[]<9999> "")')


def test_fetch_macros_and_seen(c):
    c.fill(1)
    c.select("INBOX")
    for macro, words in (("FAST", (b"FLAGS", b"INTERNALDATE", b"RFC822.SIZE")), ("ALL", (b"ENVELOPE",)),
                         ("FULL", (b"BODY (",))):
        line = c.ok(f"FETCH 1 {macro}")[0]
        assert all(w in line for w in words)
    assert b"\\Seen" not in c.ok("FETCH 1 FLAGS")[0]
    c.ok("FETCH 1 BODY[TEXT]")
    assert b"\\Seen" in c.ok("FETCH 1 FLAGS")[0]
    for bad in ("FETCH 1", "FETCH x FLAGS", "FETCH 0 FLAGS", "FETCH 1 (FLAGS", "FETCH 1 BODY[9x]", "FETCH 1 NONSENSE"):
        c.fails(bad, b"BAD")
    c.fails("FETCH 99 FLAGS", b"BAD")


def test_uid_fetch_passes_over_what_is_not_there(c):
    c.fill(3)
    c.select("INBOX")
    assert c.ok("UID FETCH 2,9:5 (FLAGS)")[0].startswith(b"* 2 FETCH (UID 2 ") or \
        b"UID 2" in c.ok("UID FETCH 2 (FLAGS)")[0]
    assert c.ok("UID FETCH 99 FLAGS") == []
    assert b"UID 3" in c.ok("UID FETCH *:99 FLAGS")[0]


def test_multipart_sections(c):
    m = (b"From: a@example.test\r\nSubject: parts\r\nMIME-Version: 1.0\r\n"
         b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\nfirst\r\n"
         b"--B\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n--B--\r\n")
    c.append("INBOX", m)
    c.select("INBOX")
    for section, content in (("1", b"first"), ("1.MIME", b"Content-Type: text/plain\r\n\r\n"),
                             ("2.HEADER", b"Subject: inner\r\n\r\n"), ("2.TEXT", b"inside"), ("2.1", b"inside")):
        line = c.ok(f"FETCH 1 BODY.PEEK[{section}]")[0]
        assert line == b"* 1 FETCH (BODY[%b] {%d}%b)" % (section.encode(), len(content), content)
    assert b') "MIXED" ("BOUNDARY" "B") NIL NIL NIL))' in c.ok("FETCH 1 BODYSTRUCTURE")[0].upper()
    assert c.ok("FETCH 1 BODY.PEEK[3]") == [b"* 1 FETCH (BODY[3] NIL)"]


def test_store(c):
    c.fill(2)
    c.select("INBOX")
    lines = c.ok("STORE 1:2 +FLAGS (\\Flagged $Work)")
    assert len(untagged(lines, "FETCH")) == 2 and all(b"\\Flagged" in x and b"$Work" in x for x in untagged(lines, "FETCH"))
    assert untagged(c.ok("STORE 1 -FLAGS.SILENT (\\Flagged)"), "FETCH") == []
    assert b"\\Flagged" not in c.ok("FETCH 1 FLAGS")[0]
    line = untagged(c.ok("UID STORE 2 FLAGS (\\Answered)"), "FETCH")[0]
    assert b"UID 2" in line and b"\\Answered" in line and b"$Work" not in line
    c.fails("STORE 1 FLAGS (\\Nonsense)", b"BAD")
    c.fails("STORE 1 +FLAGS", b"BAD")


def test_search(c):
    c.append("INBOX", message("apple pie"), '(\\Seen) "01-Feb-2020 00:00:00 +0000" ')
    c.append("INBOX", message("banana", "x" * 2000 + "\r\n"), '(\\Flagged \\Answered) ')
    c.append("INBOX", message("cherry"))
    c.select("INBOX")
    for key, found in (("ALL", "1 2 3"), ("SEEN", "1"), ("UNSEEN", "2 3"), ("FLAGGED ANSWERED", "2"),
                       ("OR SEEN FLAGGED", "1 2"), ("NOT FLAGGED", "1 3"), ("SUBJECT apple", "1"),
                       ('SUBJECT "APPLE PIE"', "1"), ("FROM alice", "1 2 3"), ("TO nobody", ""), ("LARGER 1000", "2"),
                       ("SMALLER 1000", "1 3"), ("BEFORE 01-Mar-2020", "1"), ("ON 1-Feb-2020", "1"),
                       ("SINCE 01-Mar-2020", "2 3"), ("SENTON 1-Jan-2026", "1 2 3"), ("SENTBEFORE 1-Jan-2026", ""),
                       ("HEADER Message-ID banana", "2"), ("2:3 UNSEEN", "2 3"), ("UID 3", "3"), ("(SEEN) 1", "1"),
                       ("KEYWORD $Nothing", ""), ("DELETED", "")):
        assert c.ok(f"SEARCH {key}")[0] == f"* SEARCH {found}".strip().encode(), key
    assert c.ok("UID SEARCH CHARSET UTF-8 UNSEEN")[0] == b"* SEARCH 2 3"
    c.fails("SEARCH CHARSET NONSENSE ALL", b"NO [BADCHARSET")
    for bad in ("SEARCH", "SEARCH NONSENSE", "SEARCH (ALL", "SEARCH BEFORE yesterday", "SEARCH OR SEEN"):
        c.fails(bad, b"BAD")


def test_expunge(c):
    c.fill(4)
    c.select("INBOX")
    c.ok("STORE 1,3:4 +FLAGS.SILENT (\\Deleted)")
    assert untagged(c.ok("UID EXPUNGE 3"), "EXPUNGE") == [b"* 3 EXPUNGE"]
    assert untagged(c.ok("EXPUNGE"), "EXPUNGE") in ([b"* 1 EXPUNGE", b"* 2 EXPUNGE"], [b"* 3 EXPUNGE", b"* 1 EXPUNGE"])
    assert c.ok("SEARCH ALL")[0] == b"* SEARCH 1"
    c.fails("UID EXPUNGE", b"BAD")


def test_copy_and_move(c):
    c.fill(3)
    c.select("INBOX")
    _, last = c.run("COPY 1:2 Archive")
    assert re.match(rb"OK \[COPYUID \d+ 1:2 1:2\]", last)
    lines, last = c.run("UID MOVE 2 Archive")
    assert b"[COPYUID " in b"\n".join(lines + [last]) and untagged(lines, "EXPUNGE") == [b"* 2 EXPUNGE"]
    lines, _ = c.run("MOVE 1 Trash")
    assert untagged(lines, "EXPUNGE") == [b"* 1 EXPUNGE"]
    assert b"* 3 EXISTS" in c.select("Archive")
    c.fails("COPY 1 nowhere", b"NO [TRYCREATE]")
    c.fails("UID COPY 1", b"BAD")


# ---- several sessions ----

def test_idle_tells_and_commands_follow_done(crowd, user, c):
    """RFC 2177; what stands behind DONE in the same packet is run."""
    c.select("INBOX")
    c.send("i1 IDLE\r\n")
    assert c.line().startswith(b"+ ")
    with Smtp(crowd) as smtp:
        smtp.envelope("a@client.example.test", user)
        assert smtp.data(message("idle"))[0] == 250
    lines = [c.line(), c.line()]
    assert b"* 1 EXISTS" in lines
    c.send("DONE\r\ni2 FETCH 1 (UID)\r\ni3 NOOP\r\n")
    assert c.until("i1")[1].startswith(b"OK")
    assert c.until("i2")[0] == [b"* 1 FETCH (UID 1)"]
    assert c.until("i3")[1].startswith(b"OK")


def test_expunge_of_another_waits_for_its_time(crowd, user, c):
    """No EXPUNGE while FETCH, STORE or SEARCH by number is answered (7.4.1)."""
    c.fill(3)
    c.select("INBOX")
    with Imap(crowd, user=user) as other:
        other.select("INBOX")
        other.ok("STORE 1 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
    for command in ("FETCH 2 FLAGS", "STORE 2 +FLAGS (\\Flagged)", "SEARCH ALL"):
        assert untagged(c.ok(command), "EXPUNGE") == []
    assert untagged(c.ok("NOOP"), "EXPUNGE") == [b"* 1 EXPUNGE"]


def test_idle_drops_what_is_not_done(c):
    c.send("i1 IDLE\r\n")
    assert c.line().startswith(b"+ ")
    c.send("FINISHED\r\n")
    assert c.until("i1")[1].startswith(b"BAD")


# ---- form ----

def test_pipelining(c):
    c.send("".join(f"p{i} NOOP\r\n" for i in range(500)))
    for i in range(500):
        assert c.until(f"p{i}")[1].startswith(b"OK")


def test_two_mebibytes_in_a_line(c):
    c.fill(2)
    c.select("INBOX")
    sets = "1," * ((2 << 20) // 2 - 200)
    assert c.ok(f"UID SEARCH UID {sets}2")[0] == b"* SEARCH 1 2"


def test_a_line_without_end_is_refused(crowd, c):
    try:
        c.send(b"t1 SEARCH " + b"x" * (16 << 20))
    except (BrokenPipeError, ConnectionResetError):
        return
    c.send(b"\r\n")
    assert c.until("t1")[1].startswith(b"BAD")


@pytest.mark.parametrize("line", [b"", b" ", b"a1", b"a1 ", b"a1 NONSENSE", b"a1 UID NOOP", b"* NOOP", b"a1 NO\0OP",
                                  b"a1  NOOP", b"a1 SELECT {999999999999}", b"a1 LOGIN {3", b"+ DONE", b"\xff\xfe"])
def test_bad_lines_cost_an_answer_only(c, line):
    c.send(line + b"\r\nlast NOOP\r\n")
    assert c.until("last")[1].startswith(b"OK")


def test_bad_commands_in_a_row_end_the_session(c):
    with pytest.raises((AssertionError, ConnectionError)):
        for _ in range(200):
            c.fails("NONSENSE", b"BAD")
