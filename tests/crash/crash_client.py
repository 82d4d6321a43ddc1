# SPDX-License-Identifier: ISC
"""SMTP and IMAP as far as the load and the check need them, byte exact and without guessing."""
import re
import socket

TIMEOUT_S = 30


class Gone(Exception):
    """The server closed the connection or cannot be reached."""


class Refused(Exception):
    """4xx, 5xx or NO: the server answered, and said no.  args: the reply."""


class Line:
    """A connection read by lines and by counted bytes."""

    def __init__(self, host, port):
        try:
            self.sock = socket.create_connection((host, port), TIMEOUT_S)
        except OSError as e:
            raise Gone(str(e)) from e
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb")

    def send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Gone(str(e)) from e

    def line(self):
        try:
            line = self.file.readline()
        except OSError as e:
            raise Gone(str(e)) from e
        if not line.endswith(b"\r\n"):
            raise Gone("closed in a line" if line else "closed")
        return line[:-2]

    def exactly(self, size):
        try:
            data = self.file.read(size)
        except OSError as e:
            raise Gone(str(e)) from e
        if len(data) != size:
            raise Gone("closed in a literal")
        return data

    def close(self):
        self.file.close()
        self.sock.close()


class Smtp:
    def __init__(self, host, port):
        self.io = Line(host, port)
        try:
            self.expect(b"220")
            self.command(b"EHLO client.example.test", b"250")
        except BaseException:
            self.io.close()
            raise

    def reply(self):
        while True:
            line = self.io.line()
            if line[3:4] != b"-":
                return line

    def expect(self, code):
        line = self.reply()
        if line.startswith(b"421"):
            raise Gone(line.decode())
        if not line.startswith(code):
            raise Refused(line.decode())
        return line

    def command(self, text, code):
        self.io.send(text + b"\r\n")
        return self.expect(code)

    def deliver(self, sender, recipients, data):
        """Returns the last reply; Refused leaves the session usable."""
        try:
            self.command(b"MAIL FROM:<%s>" % sender.encode(), b"250")
            for r in recipients:
                self.command(b"RCPT TO:<%s>" % r.encode(), b"25")
            self.command(b"DATA", b"354")
        except Refused:
            self.command(b"RSET", b"250")
            raise
        self.io.send(re.sub(rb"(?m)^\.", b"..", data) + b".\r\n")
        return self.expect(b"250")

    def close(self):
        self.io.close()


class Response:
    """One untagged response: its text with literals taken out, and the literals."""

    def __init__(self, text, literals):
        self.text, self.literals = text, literals

    def field(self, pattern):
        m = re.search(pattern, self.text)
        return m.group(1) if m else None


class Imap:
    """Tags are unique over all sessions that share `counter`, so a reply can be found again."""

    def __init__(self, host, port, user, password, counter, name="t"):
        self.io, self.counter, self.name = Line(host, port), counter, name
        try:
            if not self.io.line().startswith(b"* OK"):
                raise Gone("no greeting")
            self.run(b'LOGIN "%s" "%s"' % (user.encode(), password.encode()))
        except BaseException:
            self.io.close()
            raise

    def new_tag(self):
        self.tag = b"%s%d" % (self.name.encode(), next(self.counter))
        return self.tag

    def response(self):
        text, literals = b"", []
        while True:
            line = self.io.line()
            m = re.search(rb"\{(\d+)\}$", line)
            if m is None:
                return Response(text + line, literals)
            text += line[:m.start()]
            literals.append(self.io.exactly(int(m.group(1))))

    def run(self, command, *literals):
        """Sends a command (literals, if any, at its end) and returns (OK text, untagged)."""
        tag = self.new_tag()
        self.io.send(tag + b" " + command)
        for literal in literals:
            self.io.send(b" {%d+}\r\n" % len(literal) + literal)
        self.io.send(b"\r\n")
        untagged = []
        while True:
            r = self.response()
            if r.text.startswith(tag + b" "):
                text = r.text[len(tag) + 1:]
                if not text.startswith(b"OK"):
                    raise Refused(text.decode("utf-8", "replace"))
                return text, untagged
            if r.text.startswith(b"* BYE"):
                raise Gone(r.text.decode("utf-8", "replace"))
            untagged.append(r)

    def select(self, folder, verb=b"SELECT"):
        """(uidvalidity, uidnext)"""
        _, untagged = self.run(b"%s %s" % (verb, quoted(folder)))
        text = b"\n".join(r.text for r in untagged)
        return (int(re.search(rb"UIDVALIDITY (\d+)", text).group(1)),
                int(re.search(rb"UIDNEXT (\d+)", text).group(1)))

    def folders(self):
        _, untagged = self.run(b'LIST "" "*"')
        found = []
        for r in untagged:
            m = re.match(rb'\* LIST \(([^)]*)\) (?:"[^"]+"|NIL) (?:"(.*)"|(\S*))$', r.text)
            if m and b"\\Noselect" not in m.group(1) and b"\\NonExistent" not in m.group(1):
                name = m.group(2) if m.group(2) is not None else m.group(3)
                found.append((name or r.literals[0]).decode())
        return found

    def messages(self, items=b"UID FLAGS BODY.PEEK[]"):
        """[(uid, flags, bytes or None)] of the selected folder."""
        _, untagged = self.run(b"UID FETCH 1:* (%s)" % items)
        found = []
        for r in untagged:
            uid, flags = r.field(rb"[ (]UID (\d+)"), r.field(rb"FLAGS \(([^)]*)\)")
            if uid is not None and b" FETCH (" in r.text:
                found.append((int(uid), flags_of(flags or b""),
                              r.literals[0] if r.literals else None))
        return found

    def close(self):
        self.io.close()


def flags_of(text):
    return frozenset(f.lower() for f in text.decode().split() if f.lower() != "\\recent")


def quoted(name):
    return b'"%s"' % name.encode()
