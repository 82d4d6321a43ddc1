# SPDX-License-Identifier: ISC
"""Every message of the public collections goes in by SMTP and by APPEND and comes back byte for byte."""
import imaplib
import re
import socket

import pytest

BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def messages(suites):
    for folder in ("mime", "spam-corpus", "bounces"):
        for path in sorted((suites / folder).rglob("*")):
            if path.is_file() and path.suffix.lower() not in (".md", ".json", ".txt", ".py", ".yml"):
                yield path.relative_to(suites), path.read_bytes()


def wire_form(raw):
    """As a client would send it: CRLF at line ends, and nothing else changed."""
    text = re.sub(rb"\r*\n", b"\r\n", raw)
    text = re.sub(rb"\r(?!\n)", b"", text)
    return text if text.endswith(b"\r\n") else text + b"\r\n"


class Smtp:
    """A plain client: smtplib would change the bytes."""

    def __init__(self, server):
        self.socket = socket.create_connection((server.host, server.ports["smtp"]), timeout=60)
        self.file = self.socket.makefile("rb")
        self.reply()
        self.command(b"EHLO client.example.test")

    def reply(self):
        while True:
            line = self.file.readline()
            if line[3:4] != b"-":
                return int(line[:3] or 0), line

    def command(self, line):
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def send(self, recipient, content):
        assert self.command(b"MAIL FROM:<a@client.example.test>")[0] == 250
        assert self.command(b"RCPT TO:<%s>" % recipient.encode())[0] == 250
        assert self.command(b"DATA")[0] == 354
        self.socket.sendall(re.sub(rb"(?m)^\.", b"..", content) + b".\r\n")
        return self.reply()


TRACE = re.compile(rb"Return-Path: <a@client\.example\.test>\r\nDelivered-To: user17@example\.test\r\n"
                   rb"Received: from client\.example\.test (?:[^\r\n]+\r\n[ \t])*[^\r\n]+\r\n")


def without_trace(got):
    match = TRACE.match(got)
    assert match, got[:500]
    return got[match.end():]


def fetch_all(server, user, folder="INBOX"):
    imap = imaplib.IMAP4(server.host, server.ports["imap"])
    imap.login(user, server.password(user))
    imap.select(folder, readonly=True)
    found = []
    _, (count,) = imap.status(folder, "(MESSAGES)")
    total = int(re.search(rb"MESSAGES (\d+)", count).group(1))
    for first in range(1, total + 1, 50):
        _, parts = imap.fetch(f"{first}:{min(first + 49, total)}", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])")
        for part in parts:
            if isinstance(part, tuple) and b"BODY[]" in part[0]:
                found.append(part[1])
    imap.logout()
    return found


def test_by_smtp(server, suites):
    user = "user17@example.test"
    smtp, sent = Smtp(server), []
    for name, raw in messages(suites):
        content = wire_form(raw)
        code, line = smtp.send(user, content)
        if code == 554 and b"5.4.6" in line:
            continue  # more Received fields than hops: a loop
        assert code == 250, (name, line)
        sent.append(content)
    assert len(sent) > 100
    # The same content sent twice is one delivery.
    assert {without_trace(g) for g in fetch_all(server, user)} == set(sent)


def test_by_append(server, suites):
    user = "user18@example.test"
    imap = imaplib.IMAP4(server.host, server.ports["imap"])
    imap.login(user, server.password(user))
    imap.create("Suite")
    sent = []
    for name, raw in messages(suites):
        # NUL is not allowed in a literal (RFC 3501 9: CHAR8).
        content = wire_form(raw).replace(b"\0", b"")
        done, text = imap.append("Suite", None, None, content)
        assert done == "OK", (name, text)
        sent.append(content)
    imap.logout()
    assert fetch_all(server, user, "Suite") == sent
