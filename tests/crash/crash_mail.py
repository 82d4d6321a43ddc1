# SPDX-License-Identifier: ISC
"""Messages known from their token alone, and whether one came back whole."""
import base64
import functools
import random
import re

# Lines a delivery may put before the message.
TRACE = re.compile(rb"(?i)(return-path|delivered-to|received|received-spf|x-original-to|"
                   rb"authentication-results|arc-[a-z-]+|x-spam-[a-z-]+|x-restante-[a-z-]+):")
TOKEN = re.compile(rb"(?m)^X-Crash-Token: (\S+)\r$")


def body_size(rng):
    return rng.choice([10, 100, 400, 1500, 3000, 3500, 4096, 9000, 20000, 60000]
                      if rng.random() < 0.96 else [150000, 300 * 1024])


@functools.lru_cache(maxsize=4096)
def message(token):
    """The bytes of the message with this token."""
    rng = random.Random(token)
    size = body_size(rng)
    text = base64.encodebytes(rng.randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    dots = b".\r\n..\r\n. leading dot\r\n" if rng.random() < 0.3 else b""
    return (b"From: Alice <alice@example.test>\r\n"
            b"To: undisclosed-recipients:;\r\n"
            b"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n"
            b"Subject: crash test %s\r\n"
            b"Message-ID: <%s@client.example.test>\r\n"
            b"X-Crash-Token: %s\r\n"
            b"\r\n" % ((token.encode(),) * 3)) + dots + text


def token_of(data):
    m = TOKEN.search(data)
    return m.group(1).decode() if m else None


def fault_of(data, delivered):
    """What is wrong with a message read back, or None."""
    token = token_of(data)
    if token is None:
        return f"a message of {len(data)} bytes that nobody sent: {data[:80]!r}"
    want = message(token)
    if not delivered:
        return None if data == want else f"{token} differs from what was appended"
    if not data.endswith(want):
        return f"{token} differs from what was sent"
    for line in data[:len(data) - len(want)].split(b"\r\n")[:-1]:
        if not line.startswith((b" ", b"\t")) and not TRACE.match(line):
            return f"{token} got the line {line[:60]!r}"
    return None
