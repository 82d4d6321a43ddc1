# SPDX-License-Identifier: ISC
"""What comes after DATA: its end, its size, its delivery."""
import os
import signal
import time

import pytest
from smtp_client import Smtp, message, received

SENDER = "a@other.test"


@pytest.fixture
def c(server):
    with Smtp(server) as client:
        yield client


def test_received_field(server, c):
    marker, text = message()
    c.envelope(SENDER, "user1@example.test")
    code, reply = c.data(text)
    assert code == 250
    got = received(server, "user1@example.test", marker)[0]
    head = got[: -len(text)]
    assert got.endswith(text)
    assert b"Received: from client.example.test ([127.0.0.1])\r\n\tby " in head
    assert b" with ESMTP id " + reply.split()[-1].encode() in head
    assert b"for <user1@example.test>;" in head
    assert b"Return-Path: <" + SENDER.encode() + b">" in head


def test_no_recipient_is_named_among_several(server, c):
    marker, text = message()
    c.envelope(SENDER, "user1@example.test", "user2@example.test")
    assert c.data(text)[0] == 250
    head = received(server, "user1@example.test", marker)[0][: -len(text)]
    assert b"user2@" not in head and b" for <" not in head


@pytest.mark.parametrize("end", (b"\n.\n", b"\n.\r\n", b"\r.\r", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\r.\r\n",
                                 b"\r\r\n.\r\r\n", b"\n\n.\r\n", b"\r\n.\r\r\n"))
def test_smuggling(server, c, end):
    """What others take for the end is none: one message, refused whole, nothing of it run as a command."""
    marker, text = message()
    c.envelope(SENDER, "user1@example.test")
    assert c.ask(b"DATA")[0] == 354
    c.send(text + b"x" + end + b"MAIL FROM:<evil@other.test>\r\nRCPT TO:<user1@example.test>\r\nDATA\r\n" + text)
    code, reply = c.ask(b".")
    assert code == 550 and "5.6.11" in reply
    assert c.ask(b"NOOP")[0] == 250
    assert received(server, "user1@example.test", marker, seconds=0.3) == []


@pytest.mark.parametrize("line", (b"NOOP\nMAIL FROM:<a@other.test>", b"NOOP\rNOOP", b"NOOP\n"))
def test_bare_newline_in_a_command(server, c, line):
    c.send(line + b"\r\n")
    code, text = c.reply()
    assert code == 500 and "5.6.11" in text
    assert c.is_closed()


def test_dots(server, c):
    marker, text = message(body=b"..one\r\n...two\r\n..\r\nthree.\r\n.four\r\n")
    c.envelope(SENDER, "user1@example.test")
    assert c.data(text)[0] == 250
    assert received(server, "user1@example.test", marker)[0].endswith(b"\r\n\r\n.one\r\n..two\r\n.\r\nthree.\r\nfour\r\n")


def test_eight_bit_without_being_told(server, c):
    marker, text = message(body="Grüße\r\n".encode() + bytes(range(128, 256)) + b"\r\n")
    c.envelope(SENDER, "user1@example.test")
    assert c.data(text)[0] == 250
    assert received(server, "user1@example.test", marker)[0].endswith(text)


@pytest.mark.parametrize("size", (65535, 65536, 65537, 1 << 20, 5 << 20))
def test_sizes_around_the_ways_content_travels(server, c, size):
    marker, text = message()
    line = b"0123456789" * 7 + b"\r\n"
    text += line * ((size - len(text)) // len(line))
    text += b"y" * (size - len(text) - 2) + b"\r\n"
    assert len(text) == size
    c.envelope(SENDER, "user1@example.test", "user2@example.test")
    assert c.data(text)[0] == 250
    for address in ("user1@example.test", "user2@example.test"):
        assert received(server, address, marker)[0].endswith(text)


def test_size_declared_too_big(server, c):
    code, text = c.ask(b"MAIL FROM:<a@other.test> SIZE=210763777")
    assert code == 552 and "5.3.4" in text
    assert c.ask(b"MAIL FROM:<a@other.test> SIZE=210763776")[0] == 250


def test_size_really_too_big(make_server):
    server = make_server("--set", "message_size_max=100K", accounts=2)
    marker, text = message()
    with Smtp(server) as c:
        c.envelope(SENDER, "user1@example.test")
        code, reply = c.data(text + b"0123456789\r\n" * 10000)
        assert code == 552 and "5.3.4" in reply
        c.envelope(SENDER, "user1@example.test")
        assert c.data(text)[0] == 250
    assert len(received(server, "user1@example.test", marker)) == 1


def test_endless_data_is_cut_off(make_server):
    server = make_server("--set", "message_size_max=10K", accounts=2)
    with Smtp(server) as c:
        c.envelope(SENDER, "user1@example.test")
        assert c.ask(b"DATA")[0] == 354
        for _ in range(200):
            c.send(b"0123456789\r\n" * 1000)
        code, text = c.reply()
        assert code == 552 and "5.3.4" in text
        assert c.is_closed()


def test_loop(server, c):
    _, text = message()
    c.envelope(SENDER, "user1@example.test")
    code, reply = c.data(b"Received: from a by b; Thu, 01 Jan 2026 00:00:00 +0000\r\n" * 51 + text)
    assert code == 554 and "5.4.6" in reply


def test_retried_transaction_does_not_double(server, c):
    marker, text = message()
    for _ in range(2):
        c.envelope(SENDER, "user1@example.test")
        assert c.data(text)[0] == 250
    assert len(received(server, "user1@example.test", marker, count=2, seconds=1)) == 1


def test_one_account_named_twice_gets_one(server, c):
    marker, text = message()
    c.envelope(SENDER, "user1@example.test", "USER1@example.test")
    assert c.data(text)[0] == 250
    assert len(received(server, "user1@example.test", marker, count=2, seconds=1)) == 1


def test_recipient_limit(make_server):
    server = make_server("--set", "inbound_recipients_max=2", accounts=5)
    with Smtp(server) as c:
        c.envelope(SENDER, "user1@example.test", "user2@example.test")
        assert c.ask(b"RCPT TO:<user3@example.test>")[0] == 452
        assert c.data(message()[1])[0] == 250


def test_shard_that_is_away(make_server):
    """Its recipients are queued before 250 and get the message once it is back; the others have it at once."""
    server = make_server("--set", "shards=2", "--set", "restart_delay=3s", "--set", "restart_delay_max=3s",
                         "--set", "queue_retry_first=200ms", "--set", "queue_retry_max=500ms", accounts=10)
    recipients = [f"user{i}@example.test" for i in range(1, 11)]
    marker, text = message()
    with Smtp(server) as c:
        c.envelope(SENDER, *recipients)
        assert c.ask(b"DATA")[0] == 354
        os.kill(server.pids("store")[1], signal.SIGKILL)
        time.sleep(0.3)
        c.send(text)
        assert c.ask(b".")[0] == 250
    for address in recipients:
        for _ in range(100):
            try:
                got = received(server, address, marker, seconds=20)
                break
            except Exception:  # the shard may not be back yet
                time.sleep(0.2)
        assert len(got) == 1, address


def test_client_gone_after_the_dot(server):
    marker, text = message()
    with Smtp(server) as c:
        c.envelope(SENDER, "user1@example.test")
        assert c.ask(b"DATA")[0] == 354
        c.send(text + b".\r\n")
    assert len(received(server, "user1@example.test", marker)) == 1
