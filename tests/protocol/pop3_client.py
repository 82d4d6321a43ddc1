# SPDX-License-Identifier: ISC
"""A POP3 client that sends exactly the bytes it is told and gives back every line."""
import socket
import ssl


class Pop3:
    def __init__(self, server, port="pop3", user=None):
        self.server = server
        self.socket = socket.create_connection((server.host, server.ports[port]), timeout=30)
        if port == "pop3s":
            self.wrap()
        else:
            self.file = self.socket.makefile("rb")
        self.greeting = self.line()
        if user:
            self.ok(f"USER {user}")
            self.ok(f"PASS {server.password(user)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
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
        """b"" when the connection has ended."""
        line = self.file.readline()
        assert not line or line.endswith(b"\r\n"), line
        return line[:-2]

    def run(self, command):
        self.send(command + "\r\n")
        return self.line()

    def ok(self, command):
        line = self.run(command)
        assert line.startswith(b"+OK"), line
        return line

    def fails(self, command, code=b""):
        line = self.run(command)
        assert line.startswith(b"-ERR " + code), line
        return line

    def rest(self):
        """The lines of a multi-line reply behind +OK, dots undone."""
        lines = []
        while (line := self.line()) != b".":
            lines.append(line[1:] if line.startswith(b".") else line)
        return lines

    def many(self, command):
        self.ok(command)
        return self.rest()
