# SPDX-License-Identifier: ISC
"""An IMAP client that sends exactly the bytes it is told and gives back every line."""
import itertools
import re
import socket
import ssl


class Imap:
    """Lines are bytes without CRLF; a literal stays inside its line, behind "{n}"."""

    def __init__(self, server, port="imap", user=None):
        self.server, self.tags = server, itertools.count(1)
        self.socket = socket.create_connection((server.host, server.ports[port]), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if port == "imaps":
            self.wrap()
        else:
            self.file = self.socket.makefile("rb")
        self.greeting = self.line()
        if user:
            self.ok(f'LOGIN {user} "{server.password(user)}"')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def wrap(self):
        context = ssl.create_default_context(cafile=self.server.ca_file)
        context.check_hostname = False
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """One response; b"" when the connection has ended."""
        whole = b""
        while True:
            part = self.file.readline()
            if not part.endswith(b"\r\n"):
                assert not part, f"closed in a line: {part!r}"
                return b""
            whole += part[:-2]
            literal = re.search(rb"\{(\d+)\}$", part[:-2])
            if not literal:
                return whole
            whole += self.file.read(int(literal.group(1)))

    def until(self, tag):
        """(untagged lines, the tagged line without its tag)"""
        untagged = []
        while True:
            line = self.line()
            assert line, f"closed before {tag}: {untagged}"
            if line.startswith(tag.encode() + b" "):
                return untagged, line[len(tag) + 1:]
            untagged.append(line)

    def run(self, command):
        tag = f"a{next(self.tags)}"
        self.send(tag.encode() + b" " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return self.until(tag)

    def ok(self, command):
        """The untagged lines of a command that works."""
        untagged, last = self.run(command)
        assert last.startswith(b"OK"), last
        return untagged

    def fails(self, command, start):
        """The tagged line of a command refused so."""
        untagged, last = self.run(command)
        assert last.startswith(start), (untagged, last)
        return last

    def append(self, folder, message, options=""):
        """The tagged line of APPEND with a synchronising literal."""
        tag = f"a{next(self.tags)}"
        self.send(f"{tag} APPEND {folder} {options}{{{len(message)}}}\r\n")
        line = self.line()
        if not line.startswith(b"+"):
            return line[len(tag) + 1:]
        self.send(message + b"\r\n")
        return self.until(tag)[1]

    def fill(self, count, folder="INBOX"):
        """So many messages, Subject: number 1, ..."""
        for i in range(1, count + 1):
            assert self.append(folder, message(f"number {i}")).startswith(b"OK [APPENDUID ")

    def select(self, folder):
        return b"\n".join(self.ok(f"SELECT {folder}"))


def message(subject, body="text\r\n"):
    return (f"From: Alice <alice@example.test>\r\nTo: bob@example.test\r\nSubject: {subject}\r\n"
            f"Date: Thu, 01 Jan 2026 12:00:00 +0000\r\nMessage-ID: <{subject.replace(' ', '-')}@example.test>\r\n"
            f"\r\n{body}").encode()
