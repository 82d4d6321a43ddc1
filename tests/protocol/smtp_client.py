# SPDX-License-Identifier: ISC
"""An SMTP client that sends exactly the bytes it is told, and reads mail back by IMAP."""
import base64
import imaplib
import socket
import ssl
import time
import uuid


def b64(text):
    return base64.b64encode(text.encode() if isinstance(text, str) else text)


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


class Smtp:
    def __init__(self, server, port="smtp", hello=b"EHLO client.example.test"):
        self.server = server
        self.socket = socket.create_connection((server.host, server.ports[port]), timeout=30)
        if port == "submissions":
            self.wrap()
        else:
            self.file = self.socket.makefile("rb")
        self.greeting = self.reply()
        if hello:
            self.hello = self.ask(hello)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wrap(self):
        context = ssl.create_default_context(cafile=self.server.ca_file)
        context.check_hostname = False
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def starttls(self):
        code, _ = self.ask(b"STARTTLS")
        assert code == 220
        self.file.close()
        self.wrap()
        self.hello = self.ask(b"EHLO client.example.test")

    def send(self, data):
        self.socket.sendall(data)

    def reply(self):
        """(code, text of all lines); code 0 at the end of the connection."""
        lines = []
        while True:
            try:
                line = self.file.readline()
            except ConnectionResetError:
                line = b""
            lines.append(line.decode("latin-1").rstrip("\r\n"))
            if line[3:4] != b"-":
                assert not line or line.endswith(b"\r\n")
                return int(line[:3] or 0), "\n".join(lines)

    def ask(self, line):
        self.send(line + b"\r\n")
        return self.reply()

    def codes(self, count):
        return [self.reply()[0] for _ in range(count)]

    def login(self, address=None, password=None):
        address = address or "alice@example.test"
        return self.ask(b"AUTH PLAIN " + plain(address, password or self.server.password(address)))

    def envelope(self, sender, *recipients):
        assert self.ask(b"MAIL FROM:<" + sender.encode() + b">")[0] == 250
        for recipient in recipients:
            assert self.ask(b"RCPT TO:<" + recipient.encode() + b">")[0] == 250

    def data(self, content):
        """content: after dot-stuffing, without the final dot."""
        code, text = self.ask(b"DATA")
        assert code == 354, text
        self.send(content)
        return self.ask(b".")

    def is_closed(self):
        return self.reply()[0] == 0

    def close(self):
        self.file.close()
        self.socket.close()


def message(marker=None, body=b"Hello.\r\n", header=b""):
    marker = marker or uuid.uuid4().hex
    return marker, (b"From: alice@example.test\r\nTo: user1@example.test\r\nSubject: " + marker.encode() +
                    b"\r\nDate: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <" + marker.encode() +
                    b"@example.test>\r\n" + header + b"\r\n" + body)


def received(server, address, marker, count=1, seconds=10):
    """The messages with that subject in the inbox; waits for count of them."""
    end = time.monotonic() + seconds
    while True:
        with imaplib.IMAP4(server.host, server.ports["imap"]) as imap:
            imap.login(address, server.password(address))
            imap.select("INBOX")
            numbers = imap.search(None, "SUBJECT", f'"{marker}"')[1][0].split()
            found = [imap.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in numbers]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.1)
