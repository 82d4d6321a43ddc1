# SPDX-License-Identifier: ISC
"""kill -9 of each role and of all at once, under load: nothing answered is lost, nothing doubles.

CRASH_KILLS sets how often (10; script/crash kills 200 times).
"""
import itertools
import os
import random
import shutil
import signal
import time

import pytest

import crash_load
from crash_server import ROLES, START_LIMIT_S, Server, scratch

KILLS = int(os.environ.get("CRASH_KILLS", "10"))
BATCH = 25  # kills of one data directory; a new one then, so that reading back stays short
BACK_S = 15


class Victim:
    """A server under load that is killed again and again."""

    def __init__(self, seed):
        self.rng, self.dir = random.Random(seed), scratch("kill")
        data = os.path.join(self.dir, "data")
        os.mkdir(data, 0o755)
        self.server = Server(data)
        clock = itertools.count(1)
        users = [a for a in self.server.passwords if a.startswith("user")]
        self.history = crash_load.History(users, lambda: next(clock))
        self.running = crash_load.workers(self.history, self.server, 3, resilient=True,
                                          seed=seed, pause_s=0.01)

    def kill_all(self):
        self.server.kill()
        self.server.start()
        assert self.server.start_s < START_LIMIT_S, "start-up after a kill took too long"

    def kill_role(self, role):
        """Kills one process of the role and waits until another has taken its place."""
        before = self.server.processes()
        pid = self.rng.choice([pid for pid, r in before if r == role])
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + BACK_S
        while time.monotonic() < deadline:
            now = self.server.processes()
            if pid not in [p for p, _ in now] and [r for _, r in now].count(role) == \
                    [r for _, r in before].count(role):
                return
            time.sleep(0.02)
        raise AssertionError(f"{role} was not started again:\n{self.server.output()}")

    def kill(self, what):
        time.sleep(self.rng.uniform(0.1, 0.5))
        if what == "all":
            self.kill_all()
        else:
            self.kill_role(what)

    def verify(self):
        """Ends the load, reads everything back; the number of messages."""
        time.sleep(0.5)
        crash_load.finish(self.running)
        assert self.history.errors == [], self.server.output()
        wrong, messages = crash_load.read_all(self.history, self.server)
        assert wrong == []
        return messages

    def close(self):
        self.server.__exit__()
        shutil.rmtree(self.dir, ignore_errors=True)


def kill_batch(targets, seed):
    victim = Victim(seed)
    try:
        assert {r for _, r in victim.server.processes()} == set(ROLES)
        for what in targets:
            victim.kill(what)
        return victim.verify()
    finally:
        victim.close()


@pytest.mark.usefixtures("server_binary")
def test_kills_under_load():
    targets = list(itertools.islice(itertools.cycle(("all", "store") + ROLES), KILLS))
    messages = sum(kill_batch(targets[i:i + BATCH], i) for i in range(0, KILLS, BATCH))
    print(f"{KILLS} kills ({', '.join(sorted(set(targets)))}), {messages} messages verified")
    assert messages > 0
