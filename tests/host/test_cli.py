# SPDX-License-Identifier: ISC
"""Addresses and device passwords from the command line, used at once over IMAP."""
import imaplib
import json


def login(server, address, password):
    with imaplib.IMAP4(server.host, server.ports["imap"]) as imap:
        return imap.login(address, password)[0]


def test_address_and_device(server):
    added = json.loads(server.run("address", "add", "carol@example.test", "--json").stdout)
    assert added["ok"]
    again = server.run("address", "add", "carol@example.test", check=False)
    assert again.returncode == 1 and "exists" in again.stderr
    device = json.loads(server.run("device", "add", "carol@example.test", "phone", "--json").stdout)
    assert len(device["password"].replace("-", "")) >= 16
    assert login(server, "Carol@Example.TEST", device["password"]) == "OK"
    try:
        login(server, "carol@example.test", device["password"] + "x")
        raise AssertionError("a wrong password was taken")
    except imaplib.IMAP4.error as e:
        assert "AUTHENTICATIONFAILED" in str(e)


def test_usage_errors(server):
    assert server.run("address", "add", check=False).returncode == 2
    assert server.run("address", "add", "a@example.test", "--nonsense", check=False).returncode == 2
    assert server.run("nonsense", check=False).returncode == 2
    unknown = server.run("address", "add", "dave@elsewhere.test", check=False)
    assert unknown.returncode == 1 and unknown.stderr.strip()
