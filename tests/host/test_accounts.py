# SPDX-License-Identifier: ISC
"""What happens to sessions and content when a device is revoked or an address disabled or deleted."""
import json
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402
from pop3_client import Pop3  # noqa: E402


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=6)
    yield s
    s.close()


def run(host, *words):
    return json.loads(host.run(*words, "--json").stdout)


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def contains(host, text):
    """Any file of the data directory."""
    return [p for p in pathlib.Path(host.data).rglob("*") if p.is_file() and p.name not in ("log", "demo.json")
            and text in p.read_bytes()]


def log_in(host, user, password):
    c = Imap(host)
    c.ok(f'LOGIN {user} "{password}"')
    return c


def test_revoked_device_ends_its_sessions_only(host):
    user = "user1@example.test"
    one, two = (run(host, "device", "add", user, name) for name in ("one", "two"))
    first, second = log_in(host, user, one["password"]), log_in(host, user, two["password"])
    first.ok("SELECT INBOX")
    pop = Pop3(host)
    pop.ok(f"USER {user}")
    pop.ok(f"PASS {one['password']}")
    host.run("device", "revoke", user, str(one["device"]))
    assert first.line().startswith(b"* BYE")
    assert first.line() == b"" and pop.line() == b""
    second.ok("NOOP")
    with Imap(host) as again:
        again.fails(f'LOGIN {user} "{one["password"]}"', b"NO [AUTHENTICATIONFAILED]")
        again.ok(f'LOGIN {user} "{two["password"]}"')


def test_disabled_address_ends_all_sessions(host):
    user = "user2@example.test"
    c = Imap(host, user=user)
    c.ok("SELECT INBOX")
    host.run("address", "disable", user)
    assert c.line().startswith(b"* BYE")
    with Imap(host) as again:
        assert again.run(f'LOGIN {user} "{host.password(user)}"')[1].startswith(b"NO")
    host.run("address", "enable", user)
    Imap(host, user=user).__exit__()


def test_deleted_address_loses_its_content_and_comes_back_empty(host):
    user, secret = "user3@example.test", b"the words of user three"
    c = Imap(host, user=user)
    c.append("INBOX", message("one", secret.decode() + "\r\n"))
    c.ok("CREATE Other")
    c.append("Other", message("two", secret.decode() + "\r\n" * 1000))
    c.ok("SELECT Other")
    c.ok("COPY 1 INBOX")
    c.ok("STORE 1 +FLAGS (\\Deleted)")
    c.ok("EXPUNGE")
    with Imap(host, user="user4@example.test") as other:
        other.append("INBOX", message("kept", "the words of user four\r\n"))
    assert contains(host, secret)
    host.run("address", "delete", user)
    assert c.line().startswith(b"* BYE")
    wait_for(lambda: not [p for p in contains(host, secret) if p.suffix == ".seg"])
    host.run("address", "add", user)
    password = run(host, "device", "add", user, "new")["password"]
    with log_in(host, user, password) as again:
        assert b"MESSAGES 0" in again.ok("STATUS INBOX (MESSAGES)")[0]
        again.fails("SELECT Other", b"NO [NONEXISTENT]")
    with Imap(host, user="user4@example.test") as other:
        other.ok("SELECT INBOX")
        assert b"the words of user four" in b"".join(other.ok("FETCH 1 BODY.PEEK[]"))


def test_deletion_goes_on_after_a_restart(host):
    user, secret = "user6@example.test", b"the words of user six"
    with Imap(host, user=user) as c:
        c.append("INBOX", message("one", secret.decode() + "\r\n"))
    host.run("address", "delete", user)
    host.stop()
    host.start()
    wait_for(lambda: not [p for p in contains(host, secret) if p.suffix == ".seg"])


def capabilities(c):
    return set(c.ok("CAPABILITY")[0].split()[2:])


def test_capabilities_can_be_switched_off(host):
    one, two = "user1@example.test", "user2@example.test"
    host.run("service", "set", "example.test", "imap-disabled", "QRESYNC move")
    host.run("address", "set", one, "imap-disabled", "IDLE CHILDREN")
    try:
        with Imap(host, user=one) as c:
            assert not capabilities(c) & {b"QRESYNC", b"MOVE", b"IDLE", b"CHILDREN"}
            assert b"CONDSTORE" in capabilities(c) and b"SPECIAL-USE" in capabilities(c)
            assert c.ok("ENABLE QRESYNC CONDSTORE")[0] == b"* ENABLED CONDSTORE"
            c.append("INBOX", message("x"))
            c.ok("SELECT INBOX")
            for command in ("MOVE 1 Trash", "UID MOVE 1 Trash", "IDLE"):
                c.fails(command, b"BAD unknown command")
            c.fails("SELECT INBOX (QRESYNC (1 1))", b"BAD")
            c.ok('LIST "" *')
        with Imap(host, user=two) as c:
            assert not capabilities(c) & {b"QRESYNC", b"MOVE"} and b"IDLE" in capabilities(c)
    finally:
        host.run("service", "set", "example.test", "imap-disabled", "")
        host.run("address", "set", one, "imap-disabled", "")
    with Imap(host, user=one) as c:
        assert {b"QRESYNC", b"MOVE", b"IDLE", b"CHILDREN"} <= capabilities(c)
    assert host.run("service", "set", "example.test", "colour", "red", check=False).returncode == 1
    assert host.run("address", "set", one, "imap-disabled", "a,b", check=False).returncode == 1
    entry = run(host, "audit", "list", "Example")["entries"][0]
    assert entry["action"] == "address set" and entry["before"]["value"] == "IDLE CHILDREN"
