# SPDX-License-Identifier: ISC
"""Mailboxes in which everything has happened, and what clients see of them."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402
from imap_stress import stress  # noqa: E402

USERS = ["user1@example.test", "user2@example.test", "user3@example.test"]


def fill(host):
    """Mailboxes that had all kinds of changes."""
    stress(host, USERS[0], 4, 3)
    for user in USERS:
        with Imap(host, user=user) as c:
            c.fill(3)
            c.ok("CREATE One/Two")
            c.ok("SUBSCRIBE One/Two")
            c.ok("UNSUBSCRIBE Drafts")
            c.ok("RENAME One/Two Three")
            c.ok("CREATE Gone")
            c.ok("SELECT INBOX")
            c.ok("COPY 1:3 Gone")
            c.ok("DELETE Gone")
            c.ok("STORE 1:2 +FLAGS ($Mine \\Seen)")
            c.ok("MOVE 1 Three")
            c.append("Three", message("last", "x" * 100_000 + "\r\n"), "($Other) ")
    with Imap(host, user=USERS[2]) as c:
        c.ok("RENAME INBOX Old")


def picture(host):
    """All that clients can see."""
    seen = {}
    for user in USERS:
        with Imap(host, user=user) as c:
            seen[user, "list"] = sorted(c.ok('LIST "" * RETURN (SPECIAL-USE SUBSCRIBED)')), sorted(c.ok('LSUB "" *'))
            for line in c.ok('LIST "" *'):
                name = line.split(b'"/" ')[1].decode()
                if b"Noselect" in line:
                    continue
                keep = [x for x in c.ok(f"EXAMINE {name}") if b"RECENT" not in x and b"FLAGS" not in x]
                # INTERNALDATE as text of one time zone, \\Recent is nobody's any more.
                rows = c.ok("UID FETCH 1:* (FLAGS MODSEQ RFC822.SIZE INTERNALDATE EMAILID BODY.PEEK[])")
                seen[user, name] = keep, [row.replace(b" \\Recent", b"").replace(b"\\Recent", b"") for row in rows]
            seen[user, "quota"] = c.ok("GETQUOTAROOT INBOX")
    return seen


def without_modseq(seen):
    """The same for a host whose clocks went on."""
    strip = lambda line: re.sub(rb" ?MODSEQ \(\d+\) ?|\[HIGHESTMODSEQ \d+\]", b"", line)  # noqa: E731
    return {key: tuple([strip(line) for line in part] if isinstance(part, list) else part for part in value)
            if isinstance(value, tuple) else value for key, value in seen.items()}
