# SPDX-License-Identifier: ISC
"""Maintenance of a service: its mail comes in, its mailboxes cannot be read.  Shares by the command line."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap, message  # noqa: E402
from pop3_client import Pop3  # noqa: E402
from smtp_client import Smtp  # noqa: E402


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=4)
    s.run("service", "add", "other.test", "--organisation", "Example")
    s.run("address", "add", "carol@other.test")
    yield s
    s.close()


def run(host, *words):
    return json.loads(host.run(*words, "--json").stdout)


def test_maintenance(host):
    user = "user1@example.test"
    other = run(host, "device", "add", "carol@other.test", "phone")["password"]
    with Imap(host, user=user) as c, Imap(host) as free, Pop3(host) as pop:
        c.ok("SELECT INBOX")
        free.ok(f'LOGIN carol@other.test "{other}"')
        pop.ok("USER user2@example.test")
        pop.ok(f"PASS {host.password('user2@example.test')}")
        host.run("service", "set", "example.test", "maintenance", "on")
        try:
            assert c.line().startswith(b"* BYE [UNAVAILABLE] maintenance") and c.line() == b""
            assert pop.line() == b""
            free.ok("NOOP")
            refused(host, user)
            host.stop()
            host.start()
            refused(host, user)
            with Smtp(host) as mail:
                mail.envelope("a@sender.test", user)
                assert mail.ask(b"DATA")[0] == 354
                mail.send(b"From: a@sender.test\r\nSubject: meanwhile\r\n\r\nx\r\n.\r\n")
                assert mail.reply()[0] == 250
            with Smtp(host, "submission") as mail:
                assert mail.login(user)[0] == 235
        finally:
            host.run("service", "set", "example.test", "maintenance", "off")
    with Imap(host, user=user) as c:
        c.ok("SELECT INBOX")
        assert c.ok("SEARCH SUBJECT meanwhile")[0] == b"* SEARCH 1"
    with Pop3(host) as pop:
        pop.ok(f"USER {user}")
        pop.ok(f"PASS {host.password(user)}")


def refused(host, user):
    with Imap(host) as c:
        c.fails(f'LOGIN {user} "{host.password(user)}"', b"NO [UNAVAILABLE]")
        c.fails(f'LOGIN {user} "wrong"', b"NO [AUTHENTICATIONFAILED]")
    with Pop3(host) as pop:
        pop.ok(f"USER {user}")
        pop.fails(f"PASS {host.password(user)}", b"[SYS/TEMP]")


def test_shares(host):
    host.run("share", "add", "user3@example.test", "Projects/2026", "carol@other.test", "wrl")
    shown = run(host, "share", "list", "user3@example.test")["shared"]
    assert [(s["folder"], s["with"], s["rights"]) for s in shown] == [("Projects/2026", "carol@other.test", "lrw")]
    assert run(host, "share", "list", "carol@other.test")["received"][0]["owner"] == "user3@example.test"
    assert host.run("share", "add", "user3@example.test", "x", "carol@other.test", "lq", check=False).returncode == 1
    host.run("share", "delete", "user3@example.test", "Projects/2026", "carol@other.test")
    assert run(host, "share", "list", "carol@other.test")["received"] == []
    actions = [e["action"] for e in run(host, "audit", "list", "Example")["entries"]]
    assert actions[:2] == ["share delete", "share add"]


def test_address_show(host):
    user = "user4@example.test"
    host.run("user", "add", "boss@people.test", "--organisation", "Example", "--role", "legal", check=False)
    host.run("user", "add", "help@people.test", "--organisation", "Example")
    host.run("permission", "set", "help@people.test", user, "filters")
    host.run("redirection", "add", user, "user1@example.test")
    host.run("share", "add", user, "INBOX", "user2@example.test", "l")
    host.run("address", "set", user, "trash-retention", "5")
    host.run("service", "set", "example.test", "spam-retention", "9")
    shown = run(host, "address", "show", user)
    assert shown["settings"] == {"trash-retention": "5"} and shown["service_settings"]["spam-retention"] == "9"
    assert {"user": "help@people.test", "role": "collaborator", "permissions": ["filters"]} in shown["users"]
    assert [r["target"] for r in shown["redirections"]] == ["user1@example.test"]
    assert shown["shared"][0]["with"] == "user2@example.test" and shown["received"] == []
    assert "trash-retention: 5" in host.run("address", "show", user).stdout
