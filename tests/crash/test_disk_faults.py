# SPDX-License-Identifier: ISC
"""A full and a failing disk: a clear 4xx or NO, nothing half done, and service resumes by itself
when the fault ends."""
import errno
import itertools
import os
import shutil
import time

import pytest

import crash_load
from crash_faults import CREATE, SHORT, SIZE, SYNC, WRITE, Faults
from crash_server import Server, scratch

FAULT_S = float(os.environ.get("CRASH_FAULT_S", "1.5"))
RESUME_S = 10

CASES = {
    "the disk is full": (errno.ENOSPC, WRITE | SIZE | CREATE | SHORT),
    "the disk is full for segments": (errno.ENOSPC, WRITE | SIZE | CREATE | SHORT, "segments/"),
    "the disk is full for the index": (errno.ENOSPC, WRITE | SIZE | SHORT, "index.db"),
    "segments cannot be synced": (errno.EIO, SYNC, "segments/"),
    "segments cannot be written": (errno.EIO, WRITE, "segments/"),
    "the index cannot be synced": (errno.EIO, SYNC, "index.db"),
    "the index cannot be written": (errno.EIO, WRITE, "index.db"),
}


class Patient:
    """A server under load whose disk can be made to fail."""

    def __init__(self):
        self.dir = scratch("faults")
        data = os.path.join(self.dir, "data")
        os.mkdir(data, 0o755)
        self.faults = Faults(os.path.join(self.dir, "switch"))
        self.server = Server(data, env=self.faults.environment(data))
        clock = itertools.count(1)
        users = [a for a in self.server.passwords if a.startswith("user")]
        self.history = crash_load.History(users, lambda: next(clock))
        self.running = crash_load.workers(self.history, self.server, 2, resilient=True,
                                          pause_s=0.01)

    def steps(self):
        return [w.steps for w in self.running]

    def wait_for_progress(self):
        """Every client gets on; the seconds until then."""
        before, begun = self.steps(), time.monotonic()
        while any(now <= then for now, then in zip(self.steps(), before)):
            assert time.monotonic() - begun < RESUME_S, \
                f"no service after the fault: {self.steps()}\n{self.server.output()}"
            assert self.history.errors == [], self.server.output()
            time.sleep(0.02)
        return time.monotonic() - begun

    def fail(self, *case):
        self.faults.begin(*case)
        time.sleep(FAULT_S)
        return self.faults.end()

    def wrong(self):
        wrong, self.messages = crash_load.read_all(self.history, self.server)
        return wrong

    def close(self):
        self.server.__exit__()
        self.faults.close()
        shutil.rmtree(self.dir, ignore_errors=True)


@pytest.fixture
def patient(server_binary):
    patient = Patient()
    yield patient
    patient.close()


@pytest.mark.parametrize("name", CASES)
def test_fault(patient, name):
    patient.wait_for_progress()
    hits = patient.fail(*CASES[name])
    resumed_s = patient.wait_for_progress()
    crash_load.finish(patient.running)
    replies = [text for _, text in patient.history.refusals]
    print(f"{name}: {hits} changes failed, {len(replies)} refusals, "
          f"{patient.server.queued()} deliveries by way of the queue, "
          f"service back after {resumed_s:.2f} s")
    assert patient.history.errors == []
    assert hits > 0, "the fault hit nothing"
    # A failing shard's mail waits in the queue; where that fails too, with its sender.
    assert patient.server.queued() or any(r.startswith("4") for r in replies)
    if name == "the disk is full":
        assert any(r.startswith("4") for r in replies), "no 4xx was seen"
    assert any(r.startswith("NO") for r in replies), "no NO was seen"
    assert [r for r in replies if not r.startswith(("4", "NO"))] == []
    assert patient.wrong() == []
    patient.server.kill()
    patient.server.start()
    assert patient.wrong() == []
    print(f"{patient.messages} messages verified, before and after a kill")
