# SPDX-License-Identifier: ISC
"""restante store check and rebuild-index, and a server that finds its index gone."""
import contextlib
import json
import pathlib
import sqlite3
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402
from pop3_client import Pop3  # noqa: E402
from support.filled import USERS, fill, picture  # noqa: E402



@pytest.fixture
def host():
    from support.server import Server
    s = Server("--set", "segment_size=256K", accounts=4)
    yield s
    s.close()


def tool(host, *words):
    done = host.run("store", *words, "--json", check=False)
    return done.returncode, json.loads(done.stdout)


def lose_index(host):
    shards = sorted(pathlib.Path(host.data).glob("shard-*"))
    for shard in shards:
        for path in shard.glob("index.db*"):
            path.unlink()
    return len(shards)


def test_index_lost_under_a_filled_host(host):
    fill(host)
    before = picture(host)
    code, found = tool(host, "check", "--content")
    assert code == 0 and sum(shard["messages"] for shard in found) > 20, found
    host.stop()
    assert lose_index(host) == 2
    host.start()
    assert host.log().count("event=index_rebuilt") == 2
    assert picture(host) == before
    code, found = tool(host, "check", "--content")
    assert code == 0, found
    with Imap(host, user=USERS[0]) as c:
        uid_next = int(c.ok("STATUS INBOX (UIDNEXT)")[0].split()[-1].rstrip(b")"))
        assert b" %d]" % uid_next in c.append("INBOX", message("new"))
    assert tool(host, "check")[0] == 0


def test_rebuild_by_hand(host):
    fill(host)
    before = picture(host)
    code, told = tool(host, "rebuild-index", "--shard", "0")
    assert code == 1 and "in use" in told[0]["result"]
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        (shard / "index.db").write_bytes(b"this is no database")
    code, told = tool(host, "rebuild-index")
    assert code == 0 and all(shard["damaged"] == shard["lost"] == 0 for shard in told), told
    host.start()
    assert picture(host) == before
    assert (pathlib.Path(host.data) / "shard-0" / "index.db.old").read_bytes() == b"this is no database"


@pytest.mark.parametrize("state", ["good", "damaged", "cut", "of a compacted log"])
def test_index_lost_with_a_copy_of_it(host, state):
    """The copy and what the log got since; a copy that is no good is not believed."""
    host.stop()
    host.command += ["--set", "index_backup_interval=1h"]
    host.start()
    fill(host)
    host.stop()
    host.command[-1] = "index_backup_interval=100ms"
    host.start()
    copies = [shard / "index.db.backup" for shard in pathlib.Path(host.data).glob("shard-*")]
    end = time.monotonic() + 30
    while not all(copy.exists() for copy in copies) and time.monotonic() < end:
        time.sleep(0.05)
    host.stop()
    # From now on the copy is older than the index.
    host.command[-1] = "index_backup_interval=0s"
    host.start()
    for user in USERS:
        with Imap(host, user=user) as c:
            c.append("INBOX", message("after", "after\r\n"), "(\\Flagged $After) ")
            c.ok("CREATE After/All")
            c.ok("SELECT INBOX")
            c.ok("STORE 1:* +FLAGS (\\Answered)")
            c.ok("MOVE 1 After/All")
            c.ok("UNSUBSCRIBE INBOX")
    if state == "of a compacted log":
        waste(host)
        assert sum(s["removed"] for s in tool(host, "compact")[1]["shards"]) > 3
        host.stop()
        host.start()
    before = picture(host)
    host.stop()
    for copy in copies:
        for suffix in ("", "-wal", "-shm"):
            (copy.parent / f"index.db{suffix}").unlink(missing_ok=True)
        if state == "damaged":
            data = bytearray(copy.read_bytes())
            data[4096:] = b"x" * len(data[4096:])
            copy.write_bytes(data)
        elif state == "cut":
            copy.write_bytes(copy.read_bytes()[:5000])
    host.start()
    good = sum("from_copy=1" in line for line in host.log().splitlines() if "event=index_rebuilt" in line)
    assert good == (2 if state == "good" else 0), host.log()[-3000:]
    assert picture(host) == before
    code, found = tool(host, "check", "--content")
    assert code == 0, found


def size_on_disk(host):
    total = 0
    for path in pathlib.Path(host.data).glob("shard-*/segments/*.seg"):
        with contextlib.suppress(FileNotFoundError):  # removed just now
            total += path.stat().st_size
    return total


def waste(host):
    """Mail that is gone, without a memory of it."""
    for user in USERS:
        with Imap(host, user=user) as c:
            for i in range(12):
                c.append("INBOX", message(f"waste {i}", "waste " * 10_000 + "\r\n"))
            c.ok("SELECT INBOX")
            c.ok("UID STORE 1:* +FLAGS.SILENT (\\Deleted)")
            c.append("INBOX", message("stays", "stays\r\n"))
            c.ok("EXPUNGE")
    for i, user in enumerate(USERS):
        with Imap(host, user=user) as c:
            for k in range(6):
                c.append("Archive", message(f"new {i} {k}", "new " * 10_000 + "\r\n"))
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        with sqlite3.connect(shard / "index.db") as db:
            db.execute("DELETE FROM expunged")
            db.execute("UPDATE folder SET modseq_floor = modseq")
        db.close()
    host.start()


@pytest.mark.parametrize("running", [True, False])
def test_compaction(host, running):
    fill(host)
    waste(host)
    before, size = picture(host), size_on_disk(host)
    if not running:
        host.stop()
    code, told = tool(host, "compact")
    shards = told["shards"] if running else told
    assert code == 0 and sum(s["removed"] for s in shards) > 3 and sum(s["kept"] for s in shards) == 0, told
    assert sum(s["freed_bytes"] for s in shards) > 500_000, told
    if running:
        # Their files wait for sessions that still read from them.
        assert picture(host) == before
        host.stop()
    host.start()
    assert size_on_disk(host) < size - 500_000
    assert picture(host) == before
    code, found = tool(host, "check", "--content")
    assert code == 0, found
    # The log alone still says everything, also what UIDs were given.
    host.stop()
    lose_index(host)
    host.start()
    assert picture(host) == before
    code, found = tool(host, "check", "--content")
    assert code == 0, found


def test_compaction_of_one_shard_that_is_not_there(host):
    done = host.run("store", "compact", "--shard", "9", check=False)
    assert done.returncode == 1 and "shard 9" in done.stdout and not (pathlib.Path(host.data) / "shard-9").exists()


def test_compaction_runs_by_itself(host):
    waste(host)
    size = size_on_disk(host)
    host.stop()
    host.command += ["--set", "compact_interval=200ms", "--set", "compact_grace=0s"]
    host.start()
    end = time.monotonic() + 30
    while size_on_disk(host) > size - 500_000 and time.monotonic() < end:
        time.sleep(0.05)
    assert size_on_disk(host) < size - 500_000, host.log()[-2000:]
    assert tool(host, "check", "--content")[0] == 0


def test_deleted_account_stays_deleted(host):
    with Imap(host, user=USERS[0]) as c:
        c.fill(2)
    host.run("address", "delete", USERS[0])
    host.run("address", "add", USERS[0])
    host.stop()
    lose_index(host)
    host.start()
    assert tool(host, "check", "--content")[0] == 0


@pytest.mark.parametrize("sql,problem", [
    ("UPDATE folder SET messages = messages + 1 WHERE id = 1 AND messages > 0", "messages: the row says"),
    ("UPDATE folder SET unseen = 99 WHERE id = 1 AND messages > 0", "unseen messages"),
    ("UPDATE folder SET bytes = 1 WHERE id = 0 AND messages > 0", "bytes of the account"),
    ("UPDATE folder SET modseq = 1 WHERE id = 1 AND messages > 0", "a message's MODSEQ is"),
    ("UPDATE folder SET counter = 1 WHERE id = 1 AND messages > 0", "is not below UIDNEXT"),
    ("UPDATE chunk SET data = x'ff' WHERE folder = 1", "cannot be read")])
def test_check_finds(host, sql, problem):
    with Imap(host, user=USERS[0]) as c:
        c.fill(3)
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        with sqlite3.connect(shard / "index.db") as db:
            db.execute(sql)
        db.close()
    code, found = tool(host, "check")
    assert code == 1 and any(problem in p["problem"] for shard in found for p in shard["problems"]), found
    assert "problems" in host.run("store", "check", check=False).stdout


def test_check_finds_damaged_content(host):
    with Imap(host, user=USERS[0]) as c:
        c.append("INBOX", message("one", "the very words " * 100 + "\r\n"))
    host.stop()
    for path in pathlib.Path(host.data).glob("shard-*/segments/*.seg"):
        data = path.read_bytes()
        if (at := data.rfind(b"the very words")) >= 0:
            path.write_bytes(data[:at] + b"T" + data[at + 1:])
    code, found = tool(host, "check", "--content")
    assert code == 1 and any("content" in p["problem"] or "record" in p["problem"] for s in found for p in s["problems"])


def test_pop3_of_a_damaged_inbox_is_refused_and_harms_nobody(host):
    for user in USERS[:2]:
        with Imap(host, user=user) as c:
            c.fill(3)
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        with sqlite3.connect(shard / "index.db") as db:
            db.execute("UPDATE chunk SET data = x'ff' WHERE folder = 1")
        db.close()
    host.start()
    for _ in range(2):
        with Pop3(host) as p:
            p.ok(f"USER {USERS[0]}")
            p.fails(f"PASS {host.password(USERS[0])}", b"[SYS/PERM] ")
    assert all(role["restarts"] == 0 for role in host.status()["roles"])


def test_damaged_notes_are_not_believed(host):
    with Imap(host, user=USERS[0]) as c:
        c.fill(3)
        c.ok("SELECT INBOX")
        c.ok("STORE 1 +FLAGS ($Damaged)")
        c.ok("STORE 2 +FLAGS (\\Flagged)")
    host.stop()
    for path in pathlib.Path(host.data).glob("shard-*/segments/*.seg"):
        data = path.read_bytes()
        if (at := data.rfind(b"$Damaged")) >= 0:
            path.write_bytes(data[:at] + b"!" + data[at + 1:])
    code, told = tool(host, "rebuild-index")
    assert code == 0 and sum(shard["damaged"] for shard in told) == 1
    host.start()
    with Imap(host, user=USERS[0]) as c:
        c.ok("SELECT INBOX")
        flags = b"\n".join(c.ok("FETCH 1:3 FLAGS"))
        assert b"3 FETCH" in flags and b"\\Flagged" in flags and b"amaged" not in flags


@pytest.mark.parametrize("words", [[], ["mend"], ["check", "--shard", "x"], ["check", "--shard"]])
def test_usage(host, words):
    done = host.run("store", *words, check=False)
    assert done.returncode == 2 and "usage" in done.stderr


def test_no_such_shard(host):
    assert tool(host, "check", "--shard", "7")[0] == 1
