# SPDX-License-Identifier: ISC
"""restante special: the folders that have a special use, remapped."""
import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402

USER = "user1@example.test"


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server("--set", "trash_retention=1s", "--set", "retention_interval=50ms", accounts=3)
    yield s
    s.close()


def special(host, *words):
    done = host.run("special", *words, "--json", check=False)
    return json.loads(done.stdout)


def uses(c):
    return {line.split(b'"/" ')[1].strip(b'"').decode(): line.split(b"(")[1].split(b")")[0] for line in
            c.ok('LIST (SPECIAL-USE) "" *')}


def test_the_ones_every_account_has(host):
    assert special(host, "list", USER) == {"ok": True, "drafts": "Drafts", "sent": "Sent", "trash": "Trash",
                                           "archive": "Archive", "spam": "Spam"}


def test_retention_follows_the_use(host):
    with Imap(host, user=USER) as c:
        c.ok("CREATE Corbeille")
        told = special(host, "set", USER, "trash", "Corbeille")
        assert told["ok"] and told["trash"] == "Corbeille" and told["sent"] == "Sent"
        listed = uses(c)
        assert b"\\Trash" in listed["Corbeille"] and "Trash" not in listed
        c.append("Trash", message("stays"))
        c.append("Corbeille", message("goes"))
        for _ in range(400):
            if b"MESSAGES 0" in b"".join(c.ok("STATUS Corbeille (MESSAGES)")):
                break
            c.ok("NOOP")
            time.sleep(0.02)
        assert b"MESSAGES 0" in b"".join(c.ok("STATUS Corbeille (MESSAGES)"))
        assert b"MESSAGES 1" in b"".join(c.ok("STATUS Trash (MESSAGES)"))
    # Again is no change; back is one.
    assert special(host, "set", USER, "trash", "Corbeille")["trash"] == "Corbeille"
    host.stop()
    for shard in pathlib.Path(host.data).glob("shard-*"):
        for path in shard.glob("index.db*"):
            path.unlink()
    host.start()
    assert special(host, "list", USER)["trash"] == "Corbeille"
    assert host.run("store", "check", check=False).returncode == 0


@pytest.mark.parametrize("words,error", [
    (("set", USER, "trash", "INBOX"), "ERR_CANNOT"), (("set", USER, "trash", "Sent"), "ERR_CANNOT"),
    (("set", USER, "trash", "Nowhere"), "ERR_NO_FOLDER"), (("set", USER, "attic", "Sent"), "ERR_SYNTAX"),
    (("set", "nobody@example.test", "trash", "Sent"), "ERR_NOT_FOUND"), (("list", "nobody@example.test"), "ERR_NOT_FOUND"),
    (("set", USER, "trash", "x" * 2000), "ERR_LIMIT"), (("set", USER, "trash", "a//b"), "ERR_CANNOT")])
def test_refused(host, words, error):
    told = special(host, *words)
    assert not told["ok"] and told["error"] == error and told["message"]
