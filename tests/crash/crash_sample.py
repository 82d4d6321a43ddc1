# SPDX-License-Identifier: ISC
"""Load and check for sample_store.c, in the shape the real server's have."""
import hashlib
import os
import random
import socket
import subprocess
import threading
import time

from crash_build import part


def content(name):
    """The bytes of an item, known from its name."""
    rng = random.Random(name)
    return rng.randbytes(rng.choice([100, 900, 5000, 40000]))


class Sample:
    def __init__(self, directory, sock, env=None):
        self.sock = sock
        self.process = subprocess.Popen([part("crash-sample-store"), directory, sock],
                                        env={**os.environ, **(env or {})})
        self.connect().close()

    def connect(self):
        deadline = time.monotonic() + 5
        while True:
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(self.sock)
                return s
            except OSError:
                s.close()
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.002)

    def stop(self):
        self.process.kill()
        self.process.wait()

    def put(self, s, name):
        data = content(name)
        s.sendall(b"PUT %s %d\n" % (name.encode(), len(data)) + data)
        reply = s.recv(200)
        return reply == b"OK %s\n" % name.encode()

    def all(self):
        """name -> bytes of what is stored."""
        with self.connect() as s:
            s.sendall(b"ALL\n")
            f, found = s.makefile("rb"), {}
            for line in f:
                if line == b"END\n":
                    return found
                _, name, size = line.split()
                found[name.decode()] = f.read(int(size))
        raise RuntimeError("the sample stopped in the middle of its answer")


def load(sample, recording, threads=4, items=40):
    """Puts items from several connections; [(name, begun, noted)]."""
    acks = []

    def run(t):
        with sample.connect() as s:
            for i in range(items):
                begun = recording.now()
                if sample.put(s, f"item-{t}-{i}"):
                    acks.append((f"item-{t}-{i}", begun, recording.now()))

    running = [threading.Thread(target=run, args=(t,)) for t in range(threads)]
    for t in running:
        t.start()
    for t in running:
        t.join()
    return acks


def faults(found, promised):
    """What is wrong with the items read back, for those promised before the cut."""
    wrong = [f"{name} is lost" for name in promised if name not in found]
    for name, data in found.items():
        if hashlib.sha256(data).digest() != hashlib.sha256(content(name)).digest():
            wrong.append(f"{name} is damaged")
    return wrong
