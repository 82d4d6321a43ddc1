# SPDX-License-Identifier: ISC
"""What two processes died at is not tried a third time, and nobody else notices."""
import itertools
import os
import shutil
import time

import pytest

from crash_build import part
from crash_client import Gone, Imap, Refused, Smtp
from crash_server import Server, scratch

DEADLY = "kill-this-process"
SENDER = "sender@client.example.test"
USERS = ("user1@example.test", "user2@example.test")


@pytest.fixture
def mortal(server_binary):
    place = scratch("quarantine")
    data = os.path.join(place, "data")
    os.mkdir(data, 0o755)
    with Server(data, env={"LD_PRELOAD": part("crash-killer.so")}) as server:
        yield server
    shutil.rmtree(place, ignore_errors=True)


def mail(subject):
    return (f"From: a@client.example.test\r\nSubject: {subject}\r\n"
            f"Message-ID: <{subject}@client.example.test>\r\n\r\ntext\r\n").encode()


def send(server, to, subject):
    """The reply to a message, whichever it is."""
    smtp = Smtp(server.host, server.ports["smtp"])
    try:
        return smtp.deliver(SENDER, [to], mail(subject)).decode()
    except Refused as e:
        return str(e)
    finally:
        smtp.close()


def wait_for_other(server, role, pids):
    """Until none of these processes is there and as many others are."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        now = {pid for pid, r in server.processes() if r == role}
        if len(now) == len(pids) and len(now & pids) < len(pids):
            return
        time.sleep(0.01)
    raise AssertionError(f"{role} was not started again:\n{server.output()}")


def pids(server, role):
    return {pid for pid, r in server.processes() if r == role}


def until_accepted(server, to, subject):
    """A role that just started may not have been met yet by the others."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        reply = send(server, to, subject)
        if reply.startswith("250"):
            return
        assert reply.startswith("4")
    raise AssertionError(f"no service: {reply}\n{server.output()}")


def test_message_that_kills_inspect(mortal):
    for i in range(2):
        before = pids(mortal, "inspect")
        assert send(mortal, USERS[0], DEADLY).startswith("451 ")
        wait_for_other(mortal, "inspect", before)
        until_accepted(mortal, USERS[0], f"after death {i}")
    alive = pids(mortal, "inspect")
    assert send(mortal, USERS[0], DEADLY).startswith("550 5.3.0 ")
    assert send(mortal, USERS[0], "harmless").startswith("250 ")
    assert pids(mortal, "inspect") == alive


def log_in(server, user):
    deadline = time.monotonic() + 15
    while True:
        try:
            return Imap(server.host, server.ports["imap"], user, server.password(user),
                        itertools.count())
        except (Gone, Refused):
            assert time.monotonic() < deadline, server.output()


def test_command_that_kills_store(mortal):
    sessions = [log_in(mortal, user) for user in mortal.passwords]
    for _ in range(2):
        before = pids(mortal, "store")
        imap = log_in(mortal, USERS[0])
        with pytest.raises(Gone):
            imap.run(f"SELECT {DEADLY}".encode())
        wait_for_other(mortal, "store", before)
    alive = pids(mortal, "store")
    imap = log_in(mortal, USERS[0])
    with pytest.raises(Refused, match=r"NO \[SERVERBUG\] quarantined"):
        imap.run(f"SELECT {DEADLY}".encode())
    imap.select("INBOX")
    with pytest.raises(Refused, match="no such mailbox"):
        log_in(mortal, USERS[0]).run(b"SELECT other")
    assert pids(mortal, "store") == alive
    lasting = [s for s in sessions if answers(s)]
    # One shard of the two died; sessions on the other live on.
    assert 0 < len(lasting) < len(sessions)


def answers(session):
    try:
        session.run(b"NOOP")
        return True
    except Gone:
        return False
