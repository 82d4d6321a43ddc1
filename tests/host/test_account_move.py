# SPDX-License-Identifier: ISC
"""restante account move: to another shard and back, under load, and with shards that die meanwhile."""
import json
import os
import pathlib
import re
import signal
import sys
import threading
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402
from pop3_client import Pop3  # noqa: E402
from smtp_client import Smtp  # noqa: E402
from support.filled import USERS, fill, picture, without_modseq  # noqa: E402


@pytest.fixture
def host():
    from support.server import Server
    s = Server("--set", "segment_size=256K", "--set", "queue_retry_first=50ms", "--set", "queue_retry_max=200ms",
               accounts=4)
    yield s
    s.close()


def move(host, user, shard, timeout=30):
    """Until what it had there before is purged."""
    end = time.monotonic() + timeout
    while True:
        done = host.run("account", "move", user, str(shard), "--json", check=False)
        told = json.loads(done.stdout)
        if told["ok"] or told["error"] not in ("ERR_BUSY",) or time.monotonic() > end:
            return told
        time.sleep(0.05)


def shard_of(host, user):
    return json.loads(host.run("address", "show", user, "--json").stdout)["shard"]


def seen(host):
    return without_modseq(picture(host))


def check(host):
    done = host.run("store", "check", "--content", "--json", check=False)
    assert done.returncode == 0, done.stdout


def uidl(host, user):
    with Pop3(host) as p:
        p.ok(f"USER {user}")
        p.ok(f"PASS {host.password(user)}")
        return p.many("UIDL")


def test_there_and_back(host):
    fill(host)
    user = USERS[0]
    before, ids, home = seen(host), uidl(host, user), shard_of(host, user)
    with Imap(host, user=user) as c:
        c.ok("SELECT INBOX")
        told = move(host, user, 1 - home)
        assert told["ok"] and told["from"] == home and told["to"] == 1 - home and told["messages"] > 3, told
        assert c.line().startswith(b"* BYE")
    assert shard_of(host, user) == 1 - home
    assert seen(host) == before and uidl(host, user) == ids
    with Imap(host, user=user) as c:
        uid_next = int(c.ok("STATUS INBOX (UIDNEXT)")[0].split()[-1].rstrip(b")"))
        assert b" %d]" % uid_next in c.append("INBOX", message("new"))
        c.ok("CREATE After")
    after = seen(host)
    told = move(host, user, home)
    assert told["ok"], told
    assert seen(host) == after
    check(host)
    # Both logs tell where it is, and all it has.
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        for path in shard.glob("index.db*"):
            path.unlink()
    host.start()
    assert seen(host) == after
    check(host)
    audit = json.loads(host.run("audit", "list", "Example", "--json", check=False).stdout or "{}")
    assert "account move" in json.dumps(audit) or not audit.get("ok")


def test_an_account_never_used(host):
    home = shard_of(host, "user4@example.test")
    assert move(host, "user4@example.test", 1 - home)["messages"] == 0
    with Imap(host, user="user4@example.test") as c:
        assert len(c.ok('LIST "" *')) >= 6
    check(host)


@pytest.mark.parametrize("user,shard,error", [
    ("nobody@example.test", 0, "ERR_NOT_FOUND"), (USERS[0], 7, "ERR_NOT_FOUND"), (USERS[0], -1, "ERR_NOT_FOUND"),
    (USERS[0], None, "ERR_EXISTS")])
def test_refused(host, user, shard, error):
    told = move(host, user, shard_of(host, user) if shard is None else shard)
    assert not told["ok"] and told["error"] == error and told["message"]


class Sender(threading.Thread):
    """One message after the other; what was accepted has to be there once."""

    def __init__(self, host, user):
        super().__init__(daemon=True)
        self.host, self.user, self.sent, self.stop = host, user, [], False

    def run(self):
        while not self.stop:
            subject = f"m{len(self.sent)}-{time.monotonic_ns()}"
            try:
                with Smtp(self.host) as c:
                    c.envelope("sender@elsewhere.test", self.user)
                    content = f"Subject: {subject}\r\nMessage-ID: <{subject}@elsewhere.test>\r\n\r\nhi\r\n"
                    assert c.data(content.encode())[0] == 250
                self.sent.append(subject)
            except (AssertionError, OSError, EOFError):
                time.sleep(0.02)


def subjects(host, user):
    with Imap(host, user=user) as c:
        c.ok("SELECT INBOX")
        text = b"".join(c.ok("UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
    return [name.decode() for name in re.findall(rb"Subject: (m\d+-\d+)", text)]


def wait_for(host, user, sent, timeout=60):
    end = time.monotonic() + timeout
    while True:
        try:
            found = subjects(host, user)
        except (AssertionError, OSError, EOFError):
            found = []
        if set(sent) <= set(found) or time.monotonic() > end:
            return found
        time.sleep(0.1)


def test_mail_arrives_once_while_it_moves(host):
    user = USERS[0]
    fill(host)
    home = shard_of(host, user)
    sender = Sender(host, user)
    sender.start()
    for i in range(6):
        assert move(host, user, (home + 1 + i) % 2)["ok"]
        time.sleep(0.1)
    sender.stop = True
    sender.join(30)
    assert len(sender.sent) > 10
    found = wait_for(host, user, sender.sent)
    assert sorted(found) == sorted(set(found)) and set(sender.sent) <= set(found)
    check(host)


def test_shards_that_die_while_it_moves(host):
    user = USERS[0]
    fill(host)
    with Imap(host, user=user) as c:
        for i in range(30):
            c.append("Archive", message(f"bulk {i}", "bulk " * 20_000 + "\r\n"))
    before = {key: value for key, value in seen(host).items() if key[0] == user and key[1] != "INBOX"}
    sender = Sender(host, user)
    sender.start()
    for i in range(8):
        target = 1 - shard_of(host, user)
        mover = threading.Thread(target=lambda: host.run("account", "move", user, str(target), "--json", check=False))
        mover.start()
        time.sleep(0.02 * i)
        os.kill(host.pids("store" if i % 3 else "directory")[i % 2 if i % 3 else 0], signal.SIGKILL)
        mover.join(60)
        # Whoever died is back, and what was left open is settled.
        end = time.monotonic() + 30
        while host.run("account", "move", user, str(shard_of(host, user)), "--json", check=False).stdout.find("ERR_EXISTS") < 0:
            assert time.monotonic() < end, host.log()[-3000:]
            time.sleep(0.1)
    sender.stop = True
    sender.join(30)
    end = time.monotonic() + 60
    while not all(role["ready"] for role in host.status()["roles"]) and time.monotonic() < end:
        time.sleep(0.1)
    found = wait_for(host, user, sender.sent)
    assert set(sender.sent) <= set(found) and sorted(found) == sorted(set(found))
    after = {key: value for key, value in seen(host).items() if key[0] == user and key[1] != "INBOX"}
    assert after == before
    check(host)
