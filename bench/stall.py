#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""How long a client waits for NOOP while another one, of the same shard, does something large.

    bench/stall.py BINARY [MESSAGES [MEGABYTES]]

The other one copies, moves, flags and expunges MESSAGES (100,000) small messages, fetches all their flags, searches them, and fetches
MEGABYTES (1,000) of content over a line that is read slowly.  Prints median, 99th percentile and maximum for each.
"""
import os
import pathlib
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ["RESTANTE_BIN"] = sys.argv[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "protocol")]
from imap_client import Imap  # noqa: E402
from support.server import Server  # noqa: E402

SMALL = b"From: a@example.test\r\nSubject: small\r\n\r\nsmall\r\n"
LARGE = b"From: a@example.test\r\nSubject: large\r\n\r\n" + b"large line of text\r\n" * ((1 << 20) // 20)
SLOW_BYTES = 64 << 10  # a read, then a pause of 1 ms: 64 MB/s at most


class Noops(threading.Thread):
    """NOOP after NOOP, each with the name of what happens meanwhile."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.client, self.phase, self.waits, self.ends = Imap(server, user="user2@example.test"), "idle", {}, False

    def run(self):
        self.client.ok("SELECT INBOX")
        while not self.ends:
            begin, phase = time.perf_counter(), self.phase
            self.client.ok("NOOP")
            self.waits.setdefault(phase, []).append(1000 * (time.perf_counter() - begin))
            # As often as a person's client would at its busiest; back to back it would only measure itself.
            time.sleep(0.001)


def append_many(client, message, count):
    while count > 0:
        n = min(count, 1000, max(1, (32 << 20) // len(message)))
        client.send(b"a APPEND INBOX " + b" ".join(b"{%d+}\r\n%s" % (len(message), message) for _ in range(n)) + b"\r\n")
        client.until("a")
        count -= n


def fetch_slowly(client):
    client.send(b"slow FETCH 1:* BODY.PEEK[]\r\n")
    tail = b""
    while b"slow OK" not in tail:
        data = client.socket.recv(SLOW_BYTES)
        assert data
        tail = (tail + data)[-4096:]
        time.sleep(0.001)


def main():
    messages = int(sys.argv[2]) if len(sys.argv) > 2 else 100_000
    megabytes = int(sys.argv[3]) if len(sys.argv) > 3 else 1000
    server = Server("--set", "shards=1", "--set", "message_size_max=64M", accounts=4)
    noops, client = Noops(server), Imap(server, user="user1@example.test")

    def phase(name, action):
        noops.phase = name
        begin = time.perf_counter()
        action()
        took = time.perf_counter() - begin
        time.sleep(0.05)
        noops.phase = "idle"
        return name, took

    append_many(client, SMALL, messages)
    for name in ("Copies", "More"):
        client.ok(f"CREATE {name}")
    client.ok("SELECT INBOX")
    noops.start()
    time.sleep(1)
    took = dict([
        phase("copy", lambda: [client.ok("COPY 1:* Copies") for _ in range(5)]),
        phase("fetch flags", lambda: client.ok("FETCH 1:* (UID FLAGS)")),
        phase("search subject", lambda: client.ok("SEARCH SUBJECT nothing")),
        phase("search body", lambda: client.ok("SEARCH BODY nothing")),
        phase("store", lambda: client.ok("STORE 1:* +FLAGS.SILENT (\\Seen)")),
        phase("move", lambda: client.ok("MOVE 1:* More")),
        phase("delete", lambda: (client.ok("SELECT Copies"), client.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)"))),
        phase("expunge", lambda: client.ok("EXPUNGE")),
    ])
    client.ok("SELECT INBOX")
    noops.phase = "append"
    append_many(client, LARGE, megabytes * (1 << 20) // len(LARGE))
    took.update([phase("fetch bodies slowly", lambda: fetch_slowly(client))])
    noops.ends = True
    noops.join()
    print(f"{messages} messages; {megabytes} MB\n{'':20} {'took s':>8} {'noops':>7} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for name, waits in noops.waits.items():
        waits.sort()
        at = lambda q: waits[min(len(waits) - 1, int(len(waits) * q))]  # noqa: E731
        print(f"{name:20} {took.get(name, 0):8.2f} {len(waits):7} {at(.5):8.2f} {at(.99):8.2f} {waits[-1]:8.2f}")
    server.close()


if __name__ == "__main__":
    main()
