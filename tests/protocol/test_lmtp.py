# SPDX-License-Identifier: ISC
"""LMTP (RFC 2033): a reply for each recipient, nothing queued."""
import re
import smtplib
import socket
import subprocess

import pytest

from imap_client import Imap
from smtp_client import Smtp
from support.server import BINARY

MAIL = "From: a@sender.test\r\nSubject: by lmtp\r\n\r\nbody\r\n"


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=6)
    s.run("alias", "add", "other@example.test", "user1@example.test")
    s.run("address", "quota", "user3@example.test", "1000")
    yield s
    s.close()


class Lmtp:
    def __init__(self, host, path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(path)
        else:
            self.socket = socket.create_connection((host.host, host.ports["lmtp"]), timeout=30)
        self.file = self.socket.makefile("rb")
        self.greeting = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def reply(self):
        while (line := self.file.readline())[3:4] == b"-":
            pass
        return line.decode().rstrip("\r\n")

    def run(self, *lines):
        """The reply to the last."""
        for line in lines:
            self.socket.sendall(line.encode() + b"\r\n")
            reply = self.reply()
        return reply


def subjects(host, user):
    with Imap(host, user=user) as c:
        c.ok("SELECT INBOX")
        return re.findall(rb"Subject: ([^\r]*)", b"".join(c.ok("FETCH 1:* BODY.PEEK[HEADER]")))


def test_replies_of_each_recipient(host):
    with Lmtp(host) as c:
        assert c.greeting.endswith(" LMTP ready")
        assert c.run("LHLO mx.example.test", "MAIL FROM:<a@sender.test>").startswith("250")
        assert c.run("RCPT TO:<user1@example.test>").startswith("250")
        assert c.run("RCPT TO:<nobody@example.test>").startswith("550 5.1.1")
        assert c.run("RCPT TO:<user3@example.test>").startswith("250")
        assert c.run("RCPT TO:<other@example.test>").startswith("250")
        assert c.run("RCPT TO:<x@elsewhere.test>").startswith("550 5.7.1")
        assert c.run("DATA").startswith("354")
        first = c.run(MAIL + "x" * 2000 + "\r\n.")
        assert first == "250 2.1.5 user1@example.test stored"
        assert c.reply().startswith("552 5.2.2")
        assert c.reply() == "250 2.1.5 other@example.test stored"
        assert c.run("RSET").startswith("250")
    assert subjects(host, "user1@example.test") == [b"by lmtp"]
    with Imap(host, user="user1@example.test") as c:
        c.ok("SELECT INBOX")
        header = b"".join(c.ok("FETCH 1 BODY.PEEK[HEADER]"))
    assert b" with LMTP id " in header and b"Return-Path: <a@sender.test>" in header


def test_refused_content_is_refused_for_each(host):
    with Lmtp(host) as c:
        c.run("LHLO x", "MAIL FROM:<>", "RCPT TO:<user1@example.test>", "RCPT TO:<user2@example.test>", "DATA")
        assert c.run("a: b\r\n\r\nbare\nfeed\r\n.").startswith("550 5.6.11")
        assert c.reply().startswith("550 5.6.11")
        assert c.run("NOOP").startswith("250")


def test_commands(host):
    with Lmtp(host) as c:
        for command in ("EHLO x", "HELO x"):
            assert c.run(command).startswith("500")
        assert c.run("MAIL FROM:<a@b.test>").startswith("503")
        c.run("LHLO x", "MAIL FROM:<a@b.test>")
        assert c.run("DATA").startswith("503")
        assert c.run("AUTH PLAIN").startswith("50")
        assert c.run("QUIT").startswith("221")
    with Smtp(host) as c:
        assert c.ask(b"LHLO x")[0] == 500


def test_a_library(host):
    with smtplib.LMTP(host.host, host.ports["lmtp"]) as c:
        for user in ("user4@example.test", "user5@example.test"):
            assert c.sendmail("b@sender.test", [user], MAIL) == {}
    assert subjects(host, "user4@example.test") == subjects(host, "user5@example.test") == [b"by lmtp"]


def test_unix_socket(tmp_path):
    from support.server import Server
    path = tmp_path / "lmtp.sock"
    s = Server("--set", f"listen_lmtp=unix:{path}", accounts=1)
    try:
        with Lmtp(s, str(path)) as c:
            c.run("LHLO x", "MAIL FROM:<a@b.test>", "RCPT TO:<user1@example.test>", "DATA")
            assert c.run(MAIL + ".").startswith("250")
        assert subjects(s, "user1@example.test") == [b"by lmtp"]
    finally:
        s.close()


@pytest.mark.parametrize("where", ["0.0.0.0:2424", "[::]:2424", "192.0.2.1:24", "unix:/nowhere/at/all"])
def test_listens_on_this_host_only(tmp_path, where):
    done = subprocess.run([BINARY, "demo", "--data", str(tmp_path), "--set", f"listen_lmtp={where}"], timeout=60,
                          capture_output=True, text=True)
    assert done.returncode != 0 and "listen_lmtp" in done.stderr
