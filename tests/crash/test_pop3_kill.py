# SPDX-License-Identifier: ISC
"""kill -9 of the shard around QUIT: what was answered +OK is deleted, and otherwise all is or nothing."""
import json
import os
import pathlib
import random
import signal
import sys
import threading
import time

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "protocol"), str(HERE.parent)]
from imap_client import Imap  # noqa: E402
from pop3_client import Pop3  # noqa: E402

ROUNDS, COUNT = int(os.environ.get("CRASH_KILLS", "5")), 20
USER = "user1@example.test"


@pytest.fixture
def host():
    from support.server import Server
    s = Server("--set", "shards=1", "--set", "restart_delay=10ms", accounts=1)
    yield s
    s.close()


def store_pid(host):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        for role in json.loads(host.run("status", "--json", check=False).stdout or '{"roles":[]}')["roles"]:
            if role["role"] == "store" and role["ready"]:
                return role["pid"]
        time.sleep(0.05)
    raise AssertionError("the shard did not come back")


def messages(host):
    with Imap(host, user=USER) as c:
        return int(c.ok("STATUS INBOX (MESSAGES)")[0].split()[-1].rstrip(b")"))


def quit_and_kill(host, delay):
    """True: QUIT was answered +OK."""
    p = Pop3(host, user=USER)
    for n in range(1, COUNT + 1):
        p.ok(f"DELE {n}")
    killer = threading.Timer(delay, os.kill, (store_pid(host), signal.SIGKILL))
    killer.start()
    p.send("QUIT\r\n")
    answer = p.line()
    killer.join()
    p.close()
    return answer.startswith(b"+OK")


def test_quit_is_all_or_nothing(host):
    rng, outcomes = random.Random(3), set()
    for _ in range(ROUNDS):
        with Imap(host, user=USER) as c:
            c.fill(COUNT - messages(host))
        answered = quit_and_kill(host, rng.random() * 0.004)
        store_pid(host)
        left = messages(host)
        outcomes.add((answered, left))
        assert left == 0 if answered else left in (0, COUNT), (answered, left)
    assert outcomes
