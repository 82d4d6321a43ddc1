# SPDX-License-Identifier: ISC
"""One recorded run of the server under mixed load, and trials of the disk at many cut points."""
import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import crash_load
from crash_build import part
from crash_client import Smtp
from crash_directory import directory_faults, read_facts
from crash_disk import POLICIES, Disk, differences, tree_modes
from crash_log import SYNC, Recording, Replies
from crash_mail import message
from crash_read import count, read_account
from crash_server import START_LIMIT_S, NoStart, Server, scratch

PARALLEL = 2


class Cut:
    """A moment, and what the disk did at it.  promised: the moment of the load that counts, if
    it was cut off before and this cut falls into the recovery."""
    __slots__ = ("moment", "policy", "seed", "promised")

    def __init__(self, moment, policy, seed, promised=None):
        self.moment, self.policy, self.seed = moment, policy, seed
        self.promised = moment if promised is None else promised

    def __repr__(self):
        return f"cut at {self.moment} ({self.policy}, seed {self.seed})"


class Result:
    def __init__(self, cut):
        self.cut, self.wrong, self.messages, self.start_s = cut, [], 0, 0.0


class Run:
    """Records a server from its first start to its clean end."""

    def __init__(self, accounts=6, deliverers=3, steps=40, seed=1, log_size=3 << 30):
        self.dir = scratch("run")
        self.data = os.path.join(self.dir, "data")
        os.mkdir(self.data, 0o755)
        self.accounts = accounts
        self.recording = Recording(os.path.join(self.dir, "log"), log_size)
        os.chmod(self.recording.path, 0o666)
        self._record(deliverers, steps, seed)
        self.events = self.recording.load()
        self.history.settle(Replies(self.events))
        self.modes = tree_modes(self.data)

    def _record(self, deliverers, steps, seed):
        env = self.recording.environment(self.data, part("crash-recorder.so"))
        with Server(self.data, self.accounts, env) as server:
            self.ready = self.recording.now()
            users = [a for a in server.passwords if a.startswith("user")]
            self.history = crash_load.History(users, self.recording.now)
            running = crash_load.workers(self.history, server, deliverers, seed=seed, limit=steps)
            crash_load.finish(running)
            self.loaded = self.recording.now()
            if self.history.errors:
                raise RuntimeError(f"load: {self.history.errors}\n{server.output()}")
            server.stop()

    def close(self):
        self.recording.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def unexplained(self):
        """Files whose recorded content is not what is on disk: the recording is not whole."""
        disk, tree = Disk(None, self.events), os.path.join(self.dir, "whole")
        disk.advance(self.recording.now())
        disk.materialise(tree, "keep", 0, self.modes)
        found = differences(self.data, tree)
        shutil.rmtree(tree)
        return found

    def cuts(self, number, seed=1, policies=POLICIES):
        """Half of them right behind a promise, where least time was left to keep it."""
        rng = random.Random(seed)
        promises = self.history.promises()
        cuts = []
        for i in range(number):
            if i % 2 == 0:
                moment = rng.choice(promises) + 1
            else:
                moment = rng.randrange(self.ready, self.recording.now())
            cuts.append(Cut(moment, policies[i // 2 % len(policies)], f"{seed}-{i}"))
        return cuts

    def early_cuts(self, number, seed=1):
        """Before the first start had ended: nothing was promised, yet it must start again."""
        rng = random.Random(f"early-{seed}")
        return [Cut(rng.randrange(1, self.ready), rng.choice(POLICIES), f"e{seed}-{i}")
                for i in range(number)]


class Trials:
    """Takes cuts in order of time; trees are rebuilt here and tried in parallel."""

    def __init__(self, run, names="strict", keeps_sync=lambda event: True, parallel=PARALLEL,
                 base=None, events=None):
        self.run, self.parallel = run, parallel
        self.disk = Disk(base, run.events if events is None else events, keeps_sync)
        self.disk.names = names
        self.room = threading.Semaphore(parallel + 1)
        self.failed = threading.Event()

    def results(self, cuts, stop_at_first=False):
        """A Result for each cut, in order of time; fewer if it stops at the first fault."""
        futures = []
        with ThreadPoolExecutor(self.parallel) as pool:
            for cut in sorted(cuts, key=lambda c: c.moment):
                self.room.acquire()
                if stop_at_first and self.failed.is_set():
                    self.room.release()
                    break
                futures.append(pool.submit(self._try, cut, self._rebuild(cut)))
            return [f.result() for f in futures]

    def _rebuild(self, cut):
        self.disk.advance(cut.moment)
        tree = scratch("tree")
        data = os.path.join(tree, "data")
        self.disk.materialise(data, cut.policy, cut.seed, self.run.modes)
        return tree

    def _try(self, cut, tree):
        result = Result(cut)
        try:
            self._start_and_check(result, os.path.join(tree, "data"))
        except Exception as e:  # any way a server can fail to serve is a finding
            result.wrong.append(f"{type(e).__name__}: {e}")
        finally:
            shutil.rmtree(tree, ignore_errors=True)
            self.room.release()
        if result.wrong:
            self.failed.set()
        return result

    def _start_and_check(self, result, data):
        cut = result.cut
        try:
            server = Server(data, self.run.accounts, patience=20)
        except NoStart as e:
            result.wrong.append(f"does not start: {e}")
            return
        with server:
            result.start_s = server.start_s
            if cut.promised < self.run.ready:
                self._check_service(result, server)
                return
            for address, account in self.run.history.accounts.items():
                actual = read_account(server, address)
                result.messages += count(actual)
                result.wrong += account.faults(actual, cut.promised)
            result.wrong += directory_faults(
                self.run.history.changes, read_facts(data), cut.promised)
            if not result.wrong:
                self._retry_open(result, server)

    def _check_service(self, result, server):
        """A server whose first start was cut off is made whole by the next."""
        for i, address in enumerate(self.run.history.accounts):
            smtp = Smtp(server.host, server.ports["smtp"])
            smtp.deliver(crash_load.SENDER, [address], message(f"dfirst{i}"))
            smtp.close()
            if read_account(server, address)["INBOX"].messages.keys() != {f"dfirst{i}"}:
                result.wrong.append(f"{address} does not get mail")

    def _retry_open(self, result, server):
        """The sender of a delivery left without its 250 tries again: it must not double."""
        moment = result.cut.promised
        again = {}
        for address, account in self.run.history.accounts.items():
            for op in account.operations:
                if op.kind == "deliver" and op.begun < moment and not (
                        op.done is not None and op.done < moment):
                    again.setdefault(op.tokens[0], []).append(address)
        if not again:
            return
        smtp = Smtp(server.host, server.ports["smtp"])
        for token, addresses in again.items():
            smtp.deliver(crash_load.SENDER, addresses, message(token))
        smtp.close()
        for token, addresses in again.items():
            for address in addresses:
                self._count_once(result, server, address, token)

    def _count_once(self, result, server, address, token):
        times = len(read_account(server, address)["INBOX"].messages.get(token, []))
        _, _, still_open = self.run.history.accounts[address].at(result.cut.promised)
        taken = still_open is not None and token in still_open.tokens
        gone = any(op.kind in ("expunge", "move") and token in op.tokens and
                   op.begun < result.cut.promised
                   for op in self.run.history.accounts[address].operations)
        if times != 1 and not (taken or gone):
            result.wrong.append(f"{address}: {token} is there {times} times after a retry")


def recovery_results(run, cut, number):
    """Power fails a second time, while the server recovers from the first."""
    first = Disk(None, run.events)
    first.advance(cut.moment)
    place = scratch("again")
    base, data = os.path.join(place, "base"), os.path.join(place, "data")
    first.materialise(base, cut.policy, cut.seed, run.modes)
    first.materialise(data, cut.policy, cut.seed, run.modes)
    recording = Recording(os.path.join(place, "log"), 1 << 28)
    os.chmod(recording.path, 0o666)
    try:
        env = recording.environment(data, part("crash-recorder.so"))
        with Server(data, run.accounts, env) as server:
            server.stop()
        end, rng = recording.now(), random.Random(cut.seed)
        cuts = [Cut(rng.randrange(1, end), POLICIES[i % len(POLICIES)], f"{cut.seed}-{i}",
                    cut.promised) for i in range(number)]
        return Trials(run, base=base, events=recording.load()).results(cuts)
    finally:
        recording.close()
        shutil.rmtree(place)


def slow_starts(results, limit=START_LIMIT_S):
    return [r for r in results if r.start_s > limit]


def summary(results):
    """One line for the log of a test."""
    starts = sorted(r.start_s for r in results if r.start_s) or [0]
    return (f"{len(results)} cut points, {sum(r.messages for r in results)} messages verified, "
            f"start-up median {starts[len(starts) // 2]:.2f} s, longest {starts[-1]:.2f} s")


def missing_sync_cuts(run, events, promises, limit):
    """Cuts that would show best that these syncs did not happen."""
    next_sync = {}
    for e in run.events:
        if e.type == SYNC and e.result == 0:
            next_sync.setdefault(e.handle, []).append(e.start)
    moments = []
    for e in events:
        if e.end is None or e.end < run.ready:
            continue
        after = [m for m in promises if m > e.end][:2]
        later = [s for s in next_sync[e.handle] if s > e.end][:1]
        moments += [m + 1 for m in after] + later
    moments = sorted(set(m for m in moments if m <= run.recording.now()))
    if len(moments) > limit:
        step = len(moments) / limit
        moments = [moments[int(i * step)] for i in range(limit)]
    return [Cut(m, ("drop", "drop", "random", "torn")[i % 4], f"m{i}")
            for i, m in enumerate(moments)]
