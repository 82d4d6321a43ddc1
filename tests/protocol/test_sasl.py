# SPDX-License-Identifier: ISC
"""SASL on every protocol with a login: SCRAM-SHA-256 and -PLUS with both bindings, and what must not pass."""
import base64
import hashlib
import json
import re
import subprocess

import pytest

from imap_client import Imap
from pop3_client import Pop3
from scram_client import Scram, b64
from smtp_client import Smtp

USER = "user1@example.test"


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server("--set", "auth_delay=1ms", "--set", "auth_failures_max=1000", accounts=3)
    made = json.loads(s.run("device", "add", USER, "generated", "--json").stdout)
    s.users.append(("generated", made["password"]))
    yield s
    s.close()


class ImapLogin:
    """send() gives the server's challenge, or (True / False) how it ended."""
    tls_port = "imaps"

    def __init__(self, host, tls=False):
        self.c = Imap(host, "imaps" if tls else "imap")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.c.__exit__()

    def begin(self, mechanism, initial=None):
        self.c.send(f"s AUTHENTICATE {mechanism}" + (f" {b64(initial)}" if initial is not None else "") + "\r\n")
        return self.answer()

    def send(self, data):
        self.c.send(b64(data) + "\r\n")
        return self.answer()

    def answer(self):
        line = self.c.line()
        self.last = line
        if line.startswith(b"+"):
            return base64.b64decode(line[2:])
        return line.startswith(b"s OK")

    def works(self):
        return bool(self.c.ok("STATUS INBOX (MESSAGES)"))


class Pop3Login(ImapLogin):
    tls_port = "pop3s"

    def __init__(self, host, tls=False):
        self.c = Pop3(host, "pop3s" if tls else "pop3")

    def begin(self, mechanism, initial=None):
        self.c.send(f"AUTH {mechanism}" + (f" {b64(initial)}" if initial is not None else "") + "\r\n")
        return self.answer()

    def answer(self):
        line = self.c.line()
        self.last = line
        if line.startswith(b"+ "):
            return base64.b64decode(line[2:])
        return line.startswith(b"+OK")

    def works(self):
        return self.c.ok("STAT")


class SmtpLogin(ImapLogin):
    tls_port = "submissions"

    def __init__(self, host, tls=False):
        self.c = Smtp(host, "submissions" if tls else "submission")

    def begin(self, mechanism, initial=None):
        self.c.send(f"AUTH {mechanism}".encode() + (f" {b64(initial)}".encode() if initial is not None else b"") + b"\r\n")
        return self.answer()

    def send(self, data):
        self.c.send(b64(data).encode() + b"\r\n")
        return self.answer()

    def answer(self):
        code, text = self.c.reply()
        self.last = text.encode()
        return base64.b64decode(text[4:]) if code == 334 else code == 235

    def works(self):
        return self.c.ask(b"MAIL FROM:<" + USER.encode() + b">")[0] == 250


PROTOCOLS = [ImapLogin, Pop3Login, SmtpLogin]
each = pytest.mark.parametrize("protocol", PROTOCOLS)


def exchange(login, scram, mechanism="SCRAM-SHA-256", late=False):
    """True: logged in, and the server has proved that it knows the password."""
    if late:
        assert login.begin(mechanism) == b""
        first = login.send(scram.first())
    else:
        first = login.begin(mechanism, scram.first())
    if not isinstance(first, bytes):
        return False
    final = login.send(scram.final(first))
    if not isinstance(final, bytes):
        return False
    scram.check(final)
    assert login.send(b"") is True
    return bool(login.works())


def end_point(login):
    return "tls-server-end-point", hashlib.sha256(login.c.socket.getpeercert(binary_form=True)).digest()


@each
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("device", [USER, "generated"])
def test_scram(host, protocol, late, device):
    with protocol(host) as login:
        assert exchange(login, Scram(USER, host.password(device)), late=late)


@each
@pytest.mark.parametrize("user,password", [(USER, "wrong"), ("nobody@example.test", "x"), (USER.replace("1", "2"), "x")])
def test_wrong(host, protocol, user, password):
    with protocol(host) as login:
        assert not exchange(login, Scram(user, password))
        assert exchange(login, Scram(USER, host.password(USER)))


def test_unknown_users_have_a_salt_that_stays(host):
    salts = []
    for user in ("nobody@example.test", "nobody@example.test", "Nobody@example.test", "other@example.test"):
        with ImapLogin(host) as login:
            scram = Scram(user, "x")
            scram.final(login.begin("SCRAM-SHA-256", scram.first()))
            salts.append((scram.salt, scram.iterations))
    assert salts[0] == salts[1] == salts[2] != salts[3] and len(salts[0][0]) == 16


@each
def test_plus_with_the_certificate(host, protocol):
    with protocol(host, tls=True) as login:
        assert exchange(login, Scram(USER, host.password(USER), end_point(login)), "SCRAM-SHA-256-PLUS")


@each
def test_plus_of_another_channel_is_refused(host, protocol):
    with protocol(host, tls=True) as login:
        kind, data = end_point(login)
        assert not exchange(login, Scram(USER, host.password(USER), (kind, data[:-1] + b"x")), "SCRAM-SHA-256-PLUS")
        assert exchange(login, Scram(USER, host.password(USER)))


@each
def test_downgrades_are_refused(host, protocol):
    with protocol(host, tls=True) as login:
        # "y": the client can bind, but was told that we cannot.
        assert not exchange(login, Scram(USER, host.password(USER), flag="y"))
        assert not exchange(login, Scram(USER, host.password(USER), ("tls-unique", b"x")), "SCRAM-SHA-256-PLUS")
        assert not exchange(login, Scram(USER, host.password(USER)), "SCRAM-SHA-256-PLUS")
        assert not exchange(login, Scram(USER, host.password(USER), end_point(login)))
    with protocol(host) as login:
        assert not exchange(login, Scram(USER, host.password(USER)), "SCRAM-SHA-256-PLUS")
        assert exchange(login, Scram(USER, host.password(USER), flag="y"))


def test_plus_with_the_exporter(host):
    command = ["openssl", "s_client", "-connect", f"{host.host}:{host.ports['pop3s']}", "-CAfile", host.ca_file, "-quiet",
               "-no_ign_eof", "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", "-crlf"]
    command.remove("-quiet")
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    key = None
    while not (line := p.stdout.readline()).startswith(b"+OK"):
        if found := re.search(rb"Keying material: ([0-9A-F]{64})", line):
            key = bytes.fromhex(found.group(1).decode())
    scram = Scram(USER, host.password(USER), ("tls-exporter", key))

    def say(text):
        p.stdin.write(text.encode() + b"\n")
        p.stdin.flush()
        while not (line := p.stdout.readline()).startswith((b"+ ", b"+OK", b"-ERR")):
            assert line
        return line.strip()
    first = base64.b64decode(say("AUTH SCRAM-SHA-256-PLUS " + b64(scram.first()))[2:])
    scram.check(base64.b64decode(say(b64(scram.final(first)))[2:]))
    assert say("").startswith(b"+OK logged in")
    p.kill()
    p.wait()


@each
@pytest.mark.parametrize("first", [
    b"", b"n", b"n,", b"n,,", b"n,,r=abc", b"n,,n=,r=abc", b"n,,n=a", b"n,,n=a,r=", b"n,,m=x,n=a,r=abc", b"q,,n=a,r=abc",
    b"n,b=x,n=a,r=abc", b"n,,n=a=2,r=abc", b"p=,,n=a,r=abc", b"\xff\x00", b"n,,n=a,r=\x01"])
def test_malformed_first(host, protocol, first):
    with protocol(host) as login:
        assert login.begin("SCRAM-SHA-256") == b""
        assert login.send(first) is False
        assert exchange(login, Scram(USER, host.password(USER)))


@each
def test_malformed_final(host, protocol):
    with protocol(host) as login:
        for spoil in (lambda final: b"", lambda final: final[:-3], lambda final: final.replace(b"c=", b"c=x"),
                      lambda final: final.split(b",p=")[0], lambda final: b"p=" + final, lambda final: final + b",p=x"):
            scram = Scram(USER, host.password(USER))
            final = scram.final(login.begin("SCRAM-SHA-256", scram.first()))
            assert login.send(spoil(final)) is False
        scram = Scram(USER, host.password(USER))
        first = login.begin("SCRAM-SHA-256", scram.first())
        assert login.send(scram.final(first, nonce=scram.nonce)) is False


@each
def test_for_another_user_is_refused(host, protocol):
    with protocol(host) as login:
        assert not exchange(login, Scram(USER, host.password(USER), authzid="a=user2@example.test"))
        assert exchange(login, Scram(USER, host.password(USER), authzid=f"a={USER}"))


@each
def test_cancelled_and_unknown(host, protocol):
    with protocol(host) as login:
        assert login.begin("SCRAM-SHA-256") == b""
        login.c.send("*\r\n" if protocol is not SmtpLogin else b"*\r\n")
        assert login.answer() is False
        assert login.begin("SCRAM-SHA-1") is False
        assert login.begin("PLAIN", f"\0{USER}\0{host.password(USER)}".encode()) is True
        assert login.works()


def test_what_is_offered(host):
    with Imap(host) as c:
        assert b"AUTH=SCRAM-SHA-256 " in c.greeting and b"256-PLUS" not in c.greeting
    with Imap(host, "imaps") as c:
        assert b"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 " in c.greeting and b"STARTTLS" not in c.greeting
    with Pop3(host) as p:
        assert b"SASL SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2" in p.many("CAPA")
    with Pop3(host, "pop3s") as p:
        assert b"SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2" in p.many("CAPA")


def test_greeting_of_a_real_host():
    """Without logins in clear: over TLS they are offered from the first line on."""
    from support.server import Server
    s = Server(accounts=1, clear=False)
    try:
        with Imap(s, "imaps", "user1@example.test") as c:
            assert b"AUTH=PLAIN" in c.greeting and b"LOGINDISABLED" not in c.greeting and b"STARTTLS" not in c.greeting
        with Imap(s) as c:
            assert b"LOGINDISABLED" in c.greeting and b"AUTH=" not in c.greeting and b"STARTTLS" in c.greeting
    finally:
        s.close()
