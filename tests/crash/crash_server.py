# SPDX-License-Identifier: ISC
"""Starts, watches, kills and stops `restante demo`."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from crash_build import program

START_LIMIT_S = float(os.environ.get("CRASH_START_LIMIT", "2"))
PATIENCE_S = 30
ROLES = ("edge", "inspect", "directory", "store", "queue", "web")


class NoStart(Exception):
    """The server ended, or was not ready in time; args: its last output."""


def scratch_root():
    """Rebuilt trees are many and short-lived: in memory if there is room."""
    named = os.environ.get("CRASH_TMP")
    if named:
        return named
    shm = "/dev/shm"
    if os.path.isdir(shm) and os.access(shm, os.W_OK) and shutil.disk_usage(shm).free > 2 << 30:
        return shm
    return None


def scratch(name):
    """A directory that a role under another user can pass through."""
    path = tempfile.mkdtemp(prefix=f"crash-{name}-", dir=scratch_root())
    os.chmod(path, 0o755)
    return path


def children(pid):
    """All living descendants of a process, with their command lines."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as f:
                    state, parent = f.read().rpartition(")")[2].split()[:2]
                with open(f"/proc/{name}/cmdline", "rb") as f:
                    line = f.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
            except OSError:
                continue
            if state != "Z":
                parents.setdefault(int(parent), []).append((int(name), line))
    found, todo = [], [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.append(child)
            todo.append(child[0])
    return found


# Small files, so that a short load sees many of them begin and end.
SETTINGS = ("segment_size=1M", "checkpoint_size=256K", "stop_grace=0s", "restart_delay=20ms",
            "queue_retry_first=50ms", "queue_retry_max=400ms")


class Server:
    """One running demo on a data directory; a context that ends without ceremony."""

    def __init__(self, data, accounts=6, env=None, patience=PATIENCE_S):
        self.data, self.patience = data, patience
        self.dir = tempfile.mkdtemp(prefix="crash-server-")
        os.chmod(self.dir, 0o777)
        self.json, self.log = os.path.join(self.dir, "demo.json"), os.path.join(self.dir, "log")
        self.arguments = [program(), "demo", "--data", data, "--accounts", str(accounts),
                          "--password", "crash-test-password", "--json", self.json,
                          "--allow-plaintext-loopback"]
        for setting in SETTINGS:
            self.arguments += ["--set", setting]
        self.env = {**os.environ, **(env or {})}
        self.start()

    def start(self):
        if os.path.exists(self.json):
            os.unlink(self.json)
        begun = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.arguments, env=self.env, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL, start_new_session=True)
        while not os.path.exists(self.json):
            if self.process.poll() is not None or time.monotonic() - begun > self.patience:
                self.kill()
                raise NoStart(self.output())
            time.sleep(0.005)
        self.start_s = time.monotonic() - begun
        with open(self.json, encoding="utf-8") as f:
            about = json.load(f)
        self.host, self.ports = about["host"], about["ports"]
        self.passwords = {u["address"]: u["password"] for u in about["users"]}

    def password(self, address):
        return self.passwords[address]

    def output(self):
        with open(self.log, "rb") as f:
            return f.read()[-3000:].decode("utf-8", "replace")

    def queued(self):
        """Recipients whose mail was accepted by way of the queue."""
        with open(self.log, "rb") as f:
            return sum(int(n) for n in re.findall(rb" queued=(\d+)", f.read()))

    def processes(self):
        """[(pid, role)] of the roles alive; the supervisor is not one of them."""
        found = []
        for pid, line in children(self.process.pid):
            words = line.replace(":", " ").split()
            role = next((r for r in ROLES if r in words), None)
            if role is not None:
                found.append((pid, role))
        return found

    def kill(self):
        """kill -9 of everything at once: stopped first, so that nothing sees another die."""
        pids = [self.process.pid] + [pid for pid, _ in children(self.process.pid)]
        for sig in (signal.SIGSTOP, signal.SIGKILL):
            for pid in pids:
                try:
                    os.kill(pid, sig)
                except ProcessLookupError:
                    pass
        self.process.wait()

    def stop(self):
        """Asks it to end; its exit status."""
        self.process.terminate()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
