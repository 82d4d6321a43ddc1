# SPDX-License-Identifier: ISC
"""Trash and Spam are emptied of what has been in them for 30 days, whatever its date."""
import pathlib
import shutil
import sys
import tempfile
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402

USER = "user1@example.test"


@pytest.fixture
def data():
    path = tempfile.mkdtemp(prefix="restante-test-")
    yield path
    shutil.rmtree(path, ignore_errors=True)


def serve(data, *options):
    from support.server import Server
    return Server(*(x for option in options for x in ("--set", option)), accounts=1, data=data)


def count(host, folder):
    with Imap(host, user=USER) as c:
        return int(c.ok(f"STATUS {folder} (MESSAGES)")[0].split()[-1].rstrip(b")"))


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def fill(data):
    host = serve(data)
    with Imap(host, user=USER) as c:
        c.fill(3)
        c.fill(1, "Trash")
        c.ok("APPEND Archive \"01-Jan-2001 00:00:00 +0000\" {5+}\r\na: b\n")
        c.ok("SELECT INBOX")
        c.ok("MOVE 1 Trash")
        c.ok("COPY 1 Spam")
    host.stop()


def test_what_is_due_goes_and_is_told(data):
    fill(data)
    host = serve(data, "clock_offset=29d", "retention_interval=20ms")
    try:
        with Imap(host, user=USER) as c:
            c.append("Trash", message("later"))
        assert (count(host, "Trash"), count(host, "Spam")) == (3, 1)
    finally:
        host.stop()
    host = serve(data, "clock_offset=31d", "retention_interval=20ms")
    try:
        with Imap(host, user=USER) as c:
            c.ok("SELECT Trash")
            wait_for(lambda: count(host, "Trash") == 1 and count(host, "Spam") == 0)
            c.ok("NOOP")
            assert b"Subject: later" in b"".join(c.ok("FETCH 1 BODY.PEEK[HEADER]"))
        assert (count(host, "INBOX"), count(host, "Archive")) == (2, 1)
        wait_for(lambda: "event=retention expunged=3" in host.log())
    finally:
        host.close()


def test_never(data):
    fill(data)
    host = serve(data, "clock_offset=400d", "trash_retention=0s", "retention_interval=20ms")
    try:
        wait_for(lambda: count(host, "Spam") == 0)
        assert count(host, "Trash") == 2
    finally:
        host.close()


def test_a_large_one_goes_in_slices(data):
    host = serve(data)
    text = message("many").decode()
    with Imap(host, user=USER) as c:
        for _ in range(25):
            c.ok("APPEND Trash" + f" {{{len(text)}+}}\r\n{text}" * 100)
    host.stop()
    host = serve(data, "clock_offset=31d")
    try:
        wait_for(lambda: count(host, "Trash") == 0)
    finally:
        host.close()


def test_own_times_of_an_address_and_of_a_service(data):
    """user1 keeps Trash for ever and Spam for two days; all others of the service keep Trash for two days."""
    from support.server import Server
    start = ("--set", "retention_interval=20ms")
    host = Server(*start, accounts=2, data=data)
    users = USER, "user2@example.test"

    def left(user):
        with Imap(host, user=user) as c:
            return [int(c.ok(f"STATUS {f} (MESSAGES)")[0].split()[-1].rstrip(b")")) for f in ("Trash", "Spam")]

    for user in users:
        with Imap(host, user=user) as c:
            c.fill(2, "Trash")
            c.fill(3, "Spam")
    host.run("service", "set", "example.test", "trash-retention", "2")
    host.run("address", "set", USER, "trash-retention", "0")
    host.run("address", "set", USER, "spam-retention", "2")
    assert host.run("address", "set", USER, "spam-retention", "long", check=False).returncode == 1
    host.stop()
    host = Server(*start, "--set", "clock_offset=3d", accounts=2, data=data)
    try:
        wait_for(lambda: left(users[0]) == [2, 0] and left(users[1]) == [0, 3])
        host.run("address", "set", USER, "trash-retention", "1")
        wait_for(lambda: left(users[0]) == [0, 0])
        assert left(users[1]) == [0, 3]
    finally:
        host.close()
