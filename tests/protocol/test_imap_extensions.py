# SPDX-License-Identifier: ISC
"""Extensions of SEARCH, FETCH, LIST, STATUS and CREATE, each named by its RFC."""
import itertools
import re

import pytest

from imap_client import Imap

_users = itertools.count(1)


@pytest.fixture(scope="module")
def crowd():
    """A server with an address for each test."""
    from support.server import Server
    s = Server(accounts=60)
    yield s
    s.close()


@pytest.fixture
def c(crowd):
    with Imap(crowd, user=f"user{next(_users)}@example.test") as client:
        yield client


def append(c, folder="INBOX", text="text", flags="", date=""):
    body = f"From: alice@example.test\r\nSubject: {text}\r\n\r\n{text}\r\n"
    return c.ok(f"APPEND {folder} ({flags}) {date}{{{len(body)}+}}\r\n{body}")


def fill(c, n=5):
    for i in range(n):
        append(c, text=f"mail {i + 1}", flags="\\Seen" if i % 2 else "")
    c.ok("SELECT INBOX")


def one(lines, word):
    found = [line for line in lines if line.startswith(b"* " + word)]
    assert len(found) == 1, lines
    return found[0]


# ---- ESEARCH (RFC 4731) ----

@pytest.mark.parametrize("what,expected", [
    ("()", b" ALL 1:5"), ("(ALL)", b" ALL 1:5"), ("(MIN)", b" MIN 1"), ("(MAX)", b" MAX 5"),
    ("(COUNT)", b" COUNT 5"), ("(MIN MAX COUNT)", b" MIN 1 MAX 5 COUNT 5"), ("(COUNT ALL)", b" ALL 1:5 COUNT 5")])
def test_esearch(c, what, expected):
    fill(c)
    line = one(c.ok(f"SEARCH RETURN {what} ALL"), b"ESEARCH")
    assert re.fullmatch(rb'\* ESEARCH \(TAG "a\d+"\)' + re.escape(expected), line)


def test_esearch_by_uid_and_without_hits(c):
    fill(c)
    c.ok("STORE 2 +FLAGS (\\Deleted)")
    c.ok("EXPUNGE")
    assert one(c.ok("UID SEARCH RETURN (ALL) ALL"), b"ESEARCH").endswith(b" UID ALL 1,3:5")
    assert one(c.ok("SEARCH RETURN (MIN MAX ALL COUNT) DRAFT"), b"ESEARCH").endswith(b'") COUNT 0')
    assert re.search(rb'"\)$', one(c.ok("SEARCH RETURN (MIN) DRAFT"), b"ESEARCH"))
    assert one(c.ok("UID SEARCH RETURN (MIN) CHARSET UTF-8 SEEN"), b"ESEARCH").endswith(b" UID MIN 4")
    assert one(c.ok("SEARCH SEEN"), b"SEARCH") == b"* SEARCH 3"


@pytest.mark.parametrize("bad", ["RETURN (SOME) ALL", "RETURN MIN ALL", "RETURN (MIN", "RETURN (MIN)", "RETURN () "])
def test_esearch_refused(c, bad):
    fill(c, 1)
    c.fails(f"SEARCH {bad}", b"BAD")
    assert c.ok("SEARCH ALL") == [b"* SEARCH 1"]


# ---- WITHIN (RFC 5032) ----

def test_within(c):
    append(c, text="old", date='"01-Jan-2001 00:00:00 +0000" ')
    append(c, text="new")
    c.ok("SELECT INBOX")
    assert c.ok("SEARCH OLDER 86400") == [b"* SEARCH 1"]
    assert c.ok("SEARCH YOUNGER 86400") == [b"* SEARCH 2"]
    assert c.ok("SEARCH NOT YOUNGER 4000000000") == [b"* SEARCH"]
    for bad in ("OLDER 0", "YOUNGER", "OLDER x", "OLDER 99999999999"):
        c.fails(f"SEARCH {bad}", b"BAD")


# ---- SAVEDATE (RFC 8514) ----

def test_save_date(c):
    append(c, text="old", date='"01-Jan-2001 00:00:00 +0000" ')
    c.ok("SELECT INBOX")
    line = one(c.ok("FETCH 1 (SAVEDATE INTERNALDATE)"), b"1 FETCH")
    saved = re.search(rb'SAVEDATE "([ \d]\d-\w{3}-\d{4}) [^"]+"', line).group(1).strip().decode()
    assert b'INTERNALDATE "01-Jan-2001 ' in line or b'INTERNALDATE " 1-Jan-2001 ' in line
    assert saved.split("-")[2] >= "2024"
    assert c.ok(f"SEARCH SAVEDON {saved}") == [b"* SEARCH 1"]
    assert c.ok(f"SEARCH SAVEDSINCE {saved} SAVEDATESUPPORTED") == [b"* SEARCH 1"]
    assert c.ok(f"SEARCH SAVEDBEFORE {saved}") == [b"* SEARCH"]
    assert c.ok("SEARCH SAVEDBEFORE 1-Jan-2002") == [b"* SEARCH"]
    c.fails("SEARCH SAVEDON tomorrow", b"BAD")


# ---- OBJECTID (RFC 8474) ----

def ids(c, n):
    line = one(c.ok(f"FETCH {n} (EMAILID THREADID)"), b"%d FETCH" % n)
    return re.search(rb"EMAILID \((M[0-9A-Za-z_-]+)\) THREADID \((T[0-9A-Za-z_-]+)\)", line).groups()


def test_email_id_is_that_of_the_content(c):
    append(c, text="same")
    append(c, text="same")
    append(c, text="other")
    c.ok("CREATE Elsewhere")
    c.ok("SELECT INBOX")
    c.ok("COPY 3 Elsewhere")
    same, again, other = ids(c, 1), ids(c, 2), ids(c, 3)
    assert same[0] == again[0] != other[0]
    assert c.ok(f"SEARCH EMAILID {same[0].decode()}") == [b"* SEARCH 1 2"]
    assert b" 3" in c.ok(f"SEARCH THREADID {other[1].decode()}")[0]
    assert c.ok("SEARCH EMAILID Mnone") == [b"* SEARCH"]
    c.ok("SELECT Elsewhere")
    assert ids(c, 1) == other


def test_mailbox_id_stays(c):
    made = c.run("CREATE One")[1]
    name = re.match(rb"OK \[MAILBOXID \((F\d+)\)\]", made).group(1)
    assert one(c.ok("STATUS One (MAILBOXID)"), b"STATUS") == b"* STATUS One (MAILBOXID (" + name + b"))"
    assert b"[MAILBOXID (" + name + b")]" in one(c.ok("SELECT One"), b"OK [MAILBOXID")
    c.ok("UNSELECT")
    c.ok("RENAME One Two")
    assert name in one(c.ok("STATUS Two (MAILBOXID)"), b"STATUS")
    c.ok("DELETE Two")
    assert name not in c.run("CREATE One")[1]


# ---- PREVIEW (RFC 8970) ----

def test_preview(c):
    append(c, text="words to begin with")
    c.ok("SELECT INBOX")
    for item in ("PREVIEW", "PREVIEW (LAZY)", "(PREVIEW)"):
        assert one(c.ok(f"FETCH 1 {item}"), b"1 FETCH") == b'* 1 FETCH (PREVIEW "words to begin with")'
    assert b"UID 1" in one(c.ok("FETCH 1 (PREVIEW (LAZY) UID)"), b"1 FETCH")
    c.fails("FETCH 1 PREVIEW (EAGER)", b"BAD")
    c.fails("FETCH 1 (PREVIEW (LAZY)", b"BAD")
    assert b"\\Seen" not in c.ok("FETCH 1 FLAGS")[0]


# ---- LIST-EXTENDED (RFC 5258) ----

@pytest.fixture
def tree(c):
    """Names with children, subscriptions below unsubscribed parents, and one whose folder is gone."""
    for name in ("a", "a/one", "a/two", "ghost/child", "gone"):
        c.ok(f"CREATE {name}")
    for line in c.ok('LSUB "" *'):
        c.ok(b"UNSUBSCRIBE " + line.rsplit(b" ", 1)[1])
    for name in ("a/one", "ghost/child", "gone"):
        c.ok(f"SUBSCRIBE {name}")
    c.ok("DELETE gone")
    return c


def names(lines):
    return [line.split(b'"/" ')[1].decode() for line in lines if line.startswith(b"* LIST")]


def test_list_many_patterns(tree):
    assert names(tree.ok('LIST "" (a ghost/* none)')) == ["a", "ghost/child"]
    assert names(tree.ok('LIST "a/" (one "%o")')) == ["a/one", "a/two"]
    assert tree.ok('LIST "" ("")') == [] == tree.ok('LIST () "" ()')


def test_list_subscribed(tree):
    lines = tree.ok('LIST (SUBSCRIBED) "" *')
    assert names(lines) == ["a/one", "ghost/child", "gone"]
    assert all(b"\\Subscribed" in line for line in lines)
    assert b"\\NonExistent" in lines[2] and b"\\Noselect" not in lines[2]
    lines = tree.ok('LIST "" % RETURN (SUBSCRIBED)')
    assert "gone" not in names(lines) and not any(b"\\Subscribed" in line for line in lines)
    assert b"\\Subscribed" in one(tree.ok('LIST "" a/% RETURN (CHILDREN SUBSCRIBED)')[:1], b"LIST")


def test_list_recursive_match(tree):
    lines = tree.ok('LIST (SUBSCRIBED RECURSIVEMATCH) "" %')
    assert lines == [b'* LIST (\\HasChildren) "/" a ("CHILDINFO" ("SUBSCRIBED"))',
                     b'* LIST (\\NonExistent \\HasChildren) "/" ghost ("CHILDINFO" ("SUBSCRIBED"))',
                     b'* LIST (\\NonExistent \\Subscribed \\HasNoChildren) "/" gone']
    # Shown themselves, children need no word at their parent.
    assert names(tree.ok('LIST (RECURSIVEMATCH SUBSCRIBED) "" *')) == ["a/one", "ghost/child", "gone"]


def test_list_special_use(c):
    lines = c.ok('LIST (SPECIAL-USE) "" * RETURN (SPECIAL-USE)')
    assert sorted(names(lines)) == ["Archive", "Drafts", "Sent", "Spam", "Trash"]
    assert b"\\Junk" in [line for line in lines if b"Spam" in line][0]


@pytest.mark.parametrize("bad", ['(SOME) "" *', '(RECURSIVEMATCH) "" *', '(RECURSIVEMATCH REMOTE) "" *', '"" * RETURN (SOME)',
                                 '"" * RETURN', '"" (a', '"" * ALSO (CHILDREN)', '(SUBSCRIBED "" *'])
def test_list_refused(c, bad):
    c.fails(f"LIST {bad}", b"BAD")
    c.ok('LIST (REMOTE) "" %')


# ---- LIST-STATUS (RFC 5819) ----

def test_list_status(tree):
    append(tree, "a/one")
    lines = tree.ok('LIST "" (a/one ghost) RETURN (STATUS (MESSAGES UNSEEN SIZE) CHILDREN)')
    assert names(lines) == ["a/one", "ghost"]
    status = one(lines, b"STATUS")
    assert re.fullmatch(rb"\* STATUS a/one \(MESSAGES 1 UNSEEN 1 SIZE \d+\)", status)
    assert lines.index(status) == 1
    tree.fails('LIST "" * RETURN (STATUS (NONE))', b"BAD")


def test_status_append_limit(c):
    limit = re.search(rb"APPENDLIMIT=(\d+)", c.ok("CAPABILITY")[0]).group(1)
    assert one(c.ok("STATUS INBOX (APPENDLIMIT)"), b"STATUS") == b"* STATUS INBOX (APPENDLIMIT " + limit + b")"


# ---- CREATE-SPECIAL-USE (RFC 6154 3) ----

def test_create_special_use(c):
    c.fails("CREATE MySent (USE (\\Sent))", b"NO [USEATTR]")
    c.fails("CREATE All (USE (\\All))", b"NO [USEATTR]")
    c.fails("CREATE Two (USE (\\Sent \\Trash))", b"NO [USEATTR]")
    for bad in ("(USE \\Sent)", "(USE ())", "(SIZE 1)", "(USE (\\Sent)"):
        c.fails(f"CREATE MySent {bad}", b"BAD")
    c.ok("DELETE Sent")
    c.ok("CREATE MySent (USE (\\Sent))")
    assert b"\\Sent" in one(c.ok('LIST "" MySent'), b"LIST")


# ---- MULTIAPPEND (RFC 3502) ----

def body(n, size=20):
    return f"Subject: n{n}\r\n\r\n" + "x" * size + "\r\n"


def test_multiappend(c):
    parts = [body(0), body(1, 100_000), body(2, 3_000_000), body(3, 50_000)]
    options = ["(\\Seen) ", "", '(\\Flagged $Work) "01-Jan-2001 00:00:00 +0000" ', '"02-Jan-2001 00:00:00 +0000" ']
    last = c.run("APPEND INBOX" + "".join(f" {o}{{{len(p)}+}}\r\n{p}" for o, p in zip(options, parts)))[1]
    assert re.match(rb"OK \[APPENDUID \d+ 1:4\]", last), last
    c.ok("SELECT INBOX")
    lines = c.ok("FETCH 1:4 (FLAGS RFC822.SIZE)")
    assert [int(re.search(rb"SIZE (\d+)", line).group(1)) for line in lines if b"SIZE" in line] == [len(p) for p in parts]
    assert b"\\Seen" in lines[0] and b"$Work" in lines[2]
    assert c.ok("SEARCH BEFORE 3-Jan-2001") == [b"* SEARCH 3 4"]
    assert one(c.ok("FETCH 4 BODY.PEEK[]"), b"4 FETCH").endswith(parts[3].encode() + b")")


def test_multiappend_with_synchronising_literals(c):
    c.send(f"m APPEND INBOX {{{len(body(1))}}}\r\n")
    assert c.line().startswith(b"+")
    c.send(body(1) + f" (\\Draft) {{{len(body(2))}}}\r\n")
    assert c.line().startswith(b"+")
    c.send(body(2) + "\r\n")
    assert b" 1:2]" in c.until("m")[1]


@pytest.mark.parametrize("tail", [" {0+}\r\n", " nonsense", " (\\Seen)", ' "yesterday" {1+}\r\nx'])
def test_multiappend_is_all_or_nothing(c, tail):
    c.fails(f"APPEND INBOX {{{len(body(1))}+}}\r\n{body(1)}{tail}", b"BAD")
    assert b"MESSAGES 0" in one(c.ok("STATUS INBOX (MESSAGES)"), b"STATUS")


def test_multiappend_of_too_many(c):
    one_more = "".join(f" {{{len(body(1))}+}}\r\n{body(1)}" for _ in range(1001))
    c.fails("APPEND INBOX" + one_more, b"NO [LIMIT]")
    assert b"MESSAGES 0" in one(c.ok("STATUS INBOX (MESSAGES)"), b"STATUS")


# ---- QUOTA (RFC 2087) ----

def test_no_quota(c):
    assert c.ok("GETQUOTAROOT INBOX") == [b'* QUOTAROOT INBOX ""', b'* QUOTA "" ()']


def test_quota(crowd):
    user = f"user{next(_users)}@example.test"
    crowd.run("address", "quota", user, str(5 << 20))
    with Imap(crowd, user=user) as c:
        check_quota(c)


def check_quota(c):
    append(c, text="x" * 3000)
    root = c.ok("GETQUOTAROOT INBOX")
    assert root[0] == b'* QUOTAROOT INBOX ""'
    used, limit = map(int, re.fullmatch(rb'\* QUOTA "" \(STORAGE (\d+) (\d+)\)', root[1]).groups())
    assert 3 <= used <= 8 and limit == 5 << 10
    assert c.ok('GETQUOTA ""') == [root[1]]
    c.fails("GETQUOTA other", b"NO")
    c.fails('SETQUOTA "" (STORAGE 512)', b"NO [NOPERM]")
    c.fails('SETQUOTA "" STORAGE', b"BAD")
    assert c.ok("GETQUOTAROOT Missing")[0] == b'* QUOTAROOT Missing ""'
