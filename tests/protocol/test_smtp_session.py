# SPDX-License-Identifier: ISC
"""Commands and replies: what is offered, in which order, and what real clients get wrong."""
import socket

import pytest
from smtp_client import Smtp, message, received


def test_offers_of_port_25(server):
    with Smtp(server) as c:
        assert c.greeting[0] == 220 and " ESMTP" in c.greeting[1]
        offers = [line[4:] for line in c.hello[1].split("\n")][1:]
        assert {"PIPELINING", "SIZE 210763776", "8BITMIME", "ENHANCEDSTATUSCODES", "STARTTLS"} <= set(offers)
        assert not [o for o in offers if o.startswith("AUTH") or o == "SMTPUTF8"]


@pytest.mark.parametrize("port", ("submission", "submissions"))
def test_offers_after_tls(server, port):
    with Smtp(server, port) as c:
        if port == "submission":
            c.starttls()
        offers = [line[4:] for line in c.hello[1].split("\n")][1:]
        assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN OAUTHBEARER XOAUTH2" in offers and "AUTH=LOGIN PLAIN" in offers and "STARTTLS" not in offers
        assert "CRAM-MD5" not in c.hello[1] and "DIGEST-MD5" not in c.hello[1]


@pytest.mark.parametrize("hello", (b"EHLO pc", b"EHLO under_score.test", b"EHLO ::1", b"EHLO [127.0.0.1]",
                                   b"EHLO My Laptop", b"HELO pc", b"HELO a b"))
def test_any_hello_on_submission(server, hello):
    with Smtp(server, "submissions", hello=hello) as c:
        assert c.hello[0] == 250
        assert c.login()[0] == 235


@pytest.mark.parametrize("hello", (b"EHLO", b"HELO", b"EHLO a b", b"EHLO ::1", b"EHLO -x.test"))
def test_bad_hello_on_port_25(server, hello):
    with Smtp(server, hello=hello) as c:
        assert c.hello[0] == 501
        assert c.ask(b"MAIL FROM:<a@other.test>")[0] == 503


def test_helo_only(server):
    marker, text = message()
    with Smtp(server, hello=b"HELO client.example.test") as c:
        c.envelope("a@other.test", "user1@example.test")
        assert c.data(text)[0] == 250
    assert b" with SMTP id " in received(server, "user1@example.test", marker)[0]


@pytest.mark.parametrize("line", (b"MAIL FROM: <alice@example.test>", b"MAIL FROM:   <alice@example.test>",
                                  b"MAIL FROM:alice@example.test", b"MAIL FROM: alice@example.test SIZE=100",
                                  b"mail from:<ALICE@Example.Test> BODY=8BITMIME", b"MAIL FROM:<> AUTH=<>"))
def test_lenient_paths_on_submission(server, line):
    with Smtp(server, "submissions") as c:
        c.login()
        assert c.ask(line)[0] == 250
        assert c.ask(b"RCPT TO:  user1@example.test")[0] == 250
        assert c.ask(b"RCPT TO:  <user2@example.test>")[0] == 250


def test_paths_on_port_25(server):
    with Smtp(server) as c:
        assert c.ask(b"MAIL FROM:a@other.test")[0] == 501
        assert c.ask(b"MAIL FROM: <a@other.test>")[0] == 250
        assert c.ask(b"RCPT TO:<@relay.test:user1@example.test>")[0] == 250
        assert c.ask(b"RCPT TO:<user1@example.test> NOTIFY=NEVER")[0] == 555
        assert c.ask(b"RCPT TO:<b\xc3\xa9@example.test>")[0] == 553


def test_order_of_commands(server):
    with Smtp(server, hello=None) as c:
        assert c.ask(b"MAIL FROM:<a@other.test>")[0] == 503
        assert c.ask(b"NOOP")[0] == 250
        assert c.ask(b"EHLO client.example.test")[0] == 250
        assert c.ask(b"RCPT TO:<user1@example.test>")[0] == 503
        assert c.ask(b"DATA")[0] == 503
        assert c.ask(b"MAIL FROM:<a@other.test>")[0] == 250
        assert c.ask(b"MAIL FROM:<a@other.test>")[0] == 503
        assert c.ask(b"DATA")[0] == 503
        assert c.ask(b"RSET")[0] == 250
        assert c.ask(b"VRFY user1")[0] == 252
        assert c.ask(b"HELP")[0] == 214
        assert c.ask(b"XYZZY")[0] == 500
        assert c.ask(b"QUIT")[0] == 221
        assert c.is_closed()


def test_every_reply_has_an_enhanced_code(server):
    lines = (b"NOOP", b"RSET", b"VRFY a", b"HELP", b"XYZZY", b"DATA", b"RCPT TO:<a@b.test>", b"MAIL FROM:<a", b"EXPN a", b"ETRN a", b"TURN",
             b"AUTH PLAIN", b"MAIL FROM:<a@other.test> X=1", b"MAIL FROM:<a@other.test>", b"RCPT TO:<no@example.test>",
             b"RCPT TO:<user1@example.test>", b"DATA x", b"QUIT")
    with Smtp(server) as c:
        for line in lines:
            code, text = c.ask(line)
            assert text[4:].startswith(f"{code // 100}."), (line, text)
            assert len(text) <= 120


def test_unknown_recipient_and_relay(server):
    with Smtp(server) as c:
        assert c.ask(b"MAIL FROM:<a@other.test>")[0] == 250
        code, text = c.ask(b"RCPT TO:<nobody-here@example.test>")
        assert code == 550 and "5.1.1" in text
        code, text = c.ask(b"RCPT TO:<someone@elsewhere.test>")
        assert code == 550 and "5.7.1" in text
        assert c.ask(b"RCPT TO:<user1%elsewhere.test@example.test>")[0] == 550
        assert c.ask(b"DATA")[0] == 503


def test_pipelining(server):
    marker, text = message()
    with Smtp(server) as c:
        c.send(b"MAIL FROM:<a@other.test>\r\nRCPT TO:<user1@example.test>\r\nRCPT TO:<nobody-here@example.test>\r\n"
               b"RCPT TO:<user2@example.test>\r\nDATA\r\n" + text + b".\r\nMAIL FROM:<b@other.test>\r\nRSET\r\nQUIT\r\n")
        assert c.codes(9) == [250, 250, 550, 250, 354, 250, 250, 250, 221]
    assert len(received(server, "user2@example.test", marker)) == 1


def test_one_byte_at_a_time(server):
    marker, text = message(body=b"..dot\r\n")
    with Smtp(server, hello=None) as c:
        c.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in (b"EHLO c.test\r\nMAIL FROM:<a@other.test>\r\nRCPT TO:<user1@example.test>\r\nDATA\r\n" + text + b".\r\n"):
            c.send(bytes([byte]))
        assert c.codes(5) == [250, 250, 250, 354, 250]
    assert received(server, "user1@example.test", marker)[0].endswith(b"\r\n\r\n.dot\r\n")


def test_long_lines(server):
    with Smtp(server) as c:
        assert c.ask(b"NOOP " + b"x" * 4000)[0] == 250
        assert c.ask(b"NOOP " + b"x" * 5000)[0] == 500
        assert c.is_closed()


@pytest.mark.parametrize("line", (b"GET / HTTP/1.1", b"POST / HTTP/1.1", b"PUT / HTTP/1.1", b"CONNECT a:25", b"BDAT 10 LAST"))
def test_not_a_mail_client(server, line):
    with Smtp(server) as c:
        assert c.ask(line)[0] == 421
        assert c.is_closed()


def test_tls_on_a_clear_port(server):
    with Smtp(server, hello=None) as c:
        c.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        assert c.is_closed()


def test_errors_end_the_session(server):
    with Smtp(server) as c:
        codes = []
        while not codes or codes[-1] == 500:
            codes.append(c.ask(b"XYZZY")[0])
        if codes[-1] != 421:
            assert c.reply()[0] == 421
        assert len(codes) <= 25
        assert c.is_closed()


def test_command_injected_behind_starttls(server):
    with Smtp(server, "submission") as c:
        c.send(b"STARTTLS\r\nEHLO evil.test\r\nNOOP\r\n")
        assert c.reply()[0] == 220
        c.file.close()
        try:
            c.wrap()
        except OSError:
            return
        assert c.ask(b"MAIL FROM:<a@example.test>")[0] == 503


def test_timeouts(make_server):
    server = make_server("--set", "smtp_command_timeout=300ms", "--set", "smtp_data_timeout=300ms", accounts=2)
    with Smtp(server, hello=None) as c:
        code, text = c.reply()
        assert code == 421 and "4.4.2" in text
        assert c.is_closed()
    with Smtp(server) as c:
        c.envelope("a@other.test", "user1@example.test")
        assert c.ask(b"DATA")[0] == 354
        c.send(b"Subject: x\r\n")
        assert c.reply()[0] == 421


def test_sessions_end_when_the_server_stops(make_server):
    server = make_server(accounts=2)
    with Smtp(server) as c:
        server.stop()
        code, text = c.reply()
        assert code == 421 and "4.3.2" in text
        assert c.is_closed()
