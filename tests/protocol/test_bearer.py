# SPDX-License-Identifier: ISC
"""OAUTHBEARER (RFC 7628) and XOAUTH2 with tokens of the directory, on every protocol with a login."""
import base64
import json
import subprocess
import time

import pytest

from imap_client import Imap
from smtp_client import Smtp
from test_sasl import ImapLogin, Pop3Login, SmtpLogin

USER, OTHER = "user1@example.test", "user2@example.test"
PROTOCOLS = [ImapLogin, Pop3Login, SmtpLogin]
MECHANISMS = ["OAUTHBEARER", "XOAUTH2"]
each = pytest.mark.parametrize("protocol", PROTOCOLS)
both = pytest.mark.parametrize("mechanism", MECHANISMS)
DUMMY = {"OAUTHBEARER": b"\x01", "XOAUTH2": b""}
FAILED = {ImapLogin: b"s NO [AUTHENTICATIONFAILED]", Pop3Login: b"-ERR [AUTH]", SmtpLogin: b"535 5.7.8"}
NOT_ALLOWED = {ImapLogin: b"s NO [NOPERM]", Pop3Login: b"-ERR"}


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server("--set", "auth_delay=1ms", "--set", "auth_failures_max=1000", accounts=3)
    s.run("alias", "add", "sales@example.test", USER)
    yield s
    s.close()


def make(host, *options, user=USER):
    return json.loads(host.run("token", "add", user, "test", *options, "--json").stdout)


def token(host, *options, user=USER):
    return make(host, *options, user=user)["bearer"]


@pytest.fixture(scope="module")
def right(host):
    return token(host)


def frame(mechanism, user, bearer):
    if mechanism == "XOAUTH2":
        return f"user={user}\x01auth=Bearer {bearer}\x01\x01".encode()
    who = f"a={user}" if user else ""
    return f"n,{who},\x01host=mail.example.test\x01port=143\x01auth=Bearer {bearer}\x01\x01".encode()


def log_in(login, mechanism, data, late=False):
    """True, False, or why not in the words of the mechanism."""
    if not late:
        return login.begin(mechanism, data)
    assert login.begin(mechanism) == b""
    return login.send(data)


def refused(login, mechanism, data, status="invalid_token", late=False):
    why = log_in(login, mechanism, data, late)
    assert isinstance(why, bytes), login.last
    assert json.loads(why) == {"status": status, "schemes": "bearer", "scope": "mail"}
    assert login.send(DUMMY[mechanism]) is False
    return login.last


@each
@both
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("user", [USER, "USER1@example.test", "sales@example.test"])
def test_logs_in(host, right, protocol, mechanism, late, user):
    with protocol(host) as login:
        assert log_in(login, mechanism, frame(mechanism, user, right), late) is True
        assert login.works()


@each
def test_nobody_is_named(host, protocol):
    with protocol(host, tls=True) as login:
        assert log_in(login, "OAUTHBEARER", frame("OAUTHBEARER", "", token(host))) is True
        assert login.works()


@each
@both
def test_wrong_token(host, right, protocol, mechanism):
    with protocol(host) as login:
        assert refused(login, mechanism, frame(mechanism, USER, right[:-1])).startswith(FAILED[protocol])
        assert log_in(login, mechanism, frame(mechanism, USER, right)) is True
        assert login.works()
    for user, bearer in ((OTHER, right), ("nobody@example.test", right), (USER, "x" * 3000)):
        with protocol(host) as login:
            assert refused(login, mechanism, frame(mechanism, user, bearer), late=True).startswith(FAILED[protocol])
    with protocol(host) as login:
        assert refused(login, "OAUTHBEARER", frame("OAUTHBEARER", "", "unknown")).startswith(FAILED[protocol])
    assert right not in host.log() and right[:-1] not in host.log()


@each
def test_answer_does_not_matter(host, protocol):
    """Whatever the client says to the reason, it is refused for that reason."""
    for answer in ("AQ==", "", "*", "!!", "dXNlcj1h"):
        with protocol(host) as login:
            assert isinstance(log_in(login, "XOAUTH2", frame("XOAUTH2", USER, "wrong")), bytes)
            login.c.send((answer + "\r\n").encode())
            assert login.answer() is False and login.last.startswith(FAILED[protocol])


@each
@both
def test_expired(host, protocol, mechanism):
    made = make(host, "--expires", "1")
    data = frame(mechanism, USER, made["bearer"])
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with protocol(host) as login:
            if log_in(login, mechanism, data) is not True:
                break
        time.sleep(0.1)
    with protocol(host) as login:
        assert refused(login, mechanism, data).startswith(FAILED[protocol])
    listed = json.loads(host.run("token", "list", USER, "--json").stdout)["tokens"]
    assert [t["expired"] for t in listed if t["token"] == made["token"]] == [True]


@pytest.mark.parametrize("seconds", ["0", "-5", str(366 * 86400), "soon"])
def test_lifetimes_that_are_refused(host, seconds):
    assert host.run("token", "add", USER, "x", "--expires", seconds, check=False).returncode != 0


@pytest.mark.parametrize("protocol", [ImapLogin, Pop3Login])
def test_revoked_ends_its_sessions_only(host, protocol):
    one, two = make(host), make(host)
    with protocol(host) as gone, protocol(host) as stays:
        assert log_in(gone, "XOAUTH2", frame("XOAUTH2", USER, one["bearer"])) is True and gone.works()
        other_user = USER if protocol is ImapLogin else OTHER
        other = two["bearer"] if protocol is ImapLogin else token(host, user=OTHER)
        assert log_in(stays, "XOAUTH2", frame("XOAUTH2", other_user, other)) is True and stays.works()
        host.run("token", "revoke", USER, str(one["token"]))
        while line := gone.c.line():
            assert protocol is ImapLogin and line.startswith(b"* BYE"), line
        assert stays.works()
    with protocol(host) as login:
        assert refused(login, "XOAUTH2", frame("XOAUTH2", USER, one["bearer"])).startswith(FAILED[protocol])
        assert log_in(login, "XOAUTH2", frame("XOAUTH2", USER, two["bearer"])) is True
    assert host.run("token", "revoke", USER, str(one["token"]), check=False).returncode != 0


@both
def test_send_only(host, mechanism):
    data = frame(mechanism, USER, token(host, "--send-only"))
    for protocol in (ImapLogin, Pop3Login):
        with protocol(host) as login:
            assert refused(login, mechanism, data, "insufficient_scope").startswith(NOT_ALLOWED[protocol])
    with SmtpLogin(host) as login:
        assert log_in(login, mechanism, data) is True and login.works()


def test_send_only_device_opens_no_mailbox(host):
    made = json.loads(host.run("device", "add", USER, "printer", "--send-only", "--json").stdout)
    data = f"\0{USER}\0{made['password']}".encode()
    for protocol in (ImapLogin, Pop3Login):
        with protocol(host) as login:
            assert login.begin("PLAIN", data) is False and login.last.startswith(NOT_ALLOWED[protocol])
    with SmtpLogin(host) as login:
        assert login.begin("PLAIN", data) is True and login.works()


@each
@both
@pytest.mark.parametrize("data", [
    b"", b"\x01", b"n", b"n,", b"n,,", b"n,,\x01", b"n,,\x01\x01", b"n,,\x01auth=Bearer x\x01", b"n,,\x01auth=Basic x\x01\x01",
    b"p=tls-exporter,,\x01auth=Bearer x\x01\x01", b"user=a\x01\x01", b"auth=Bearer x\x01\x01", b"user=\x01auth=Bearer x\x01\x01",
    b"user=a\x01auth=Bearer x y\x01\x01", b"user=a\x00\x01auth=Bearer x\x01\x01", b"\xff" * 100])
def test_malformed(host, right, protocol, mechanism, data):
    begin = {ImapLogin: b"s BAD", Pop3Login: b"-ERR", SmtpLogin: b"501 5.5.2"}[protocol]
    with protocol(host) as login:
        assert log_in(login, mechanism, data, late=True) is False and login.last.startswith(begin)
        assert log_in(login, mechanism, frame(mechanism, USER, right)) is True and login.works()


@each
def test_too_long(host, right, protocol):
    """As long as a response may be it is read; beyond that the client is told, or the connection ends."""
    with protocol(host) as login:
        assert login.begin("XOAUTH2") == b""
        login.c.send(base64.b64encode(frame("XOAUTH2", USER, "x" * 20000)) + b"\r\n")
        try:
            end = login.answer()
        except (ConnectionError, AssertionError, ValueError, IndexError):
            end = False
        assert end is False
    with protocol(host) as login:
        assert log_in(login, "XOAUTH2", frame("XOAUTH2", USER, right)) is True


def test_failures_lock_and_are_logged_once(make_server):
    s = make_server("--set", "auth_delay=1ms", "--set", "auth_failures_max=3", accounts=1)
    right = token(s)
    for n in range(3):
        with ImapLogin(s) as login:
            refused(login, "OAUTHBEARER", frame("OAUTHBEARER", USER, f"wrong{n}"))
    with ImapLogin(s) as login:
        assert log_in(login, "OAUTHBEARER", frame("OAUTHBEARER", USER, right)) is False
        assert login.last.startswith(b"s NO [UNAVAILABLE]")
    assert s.log().count("event=imap_login_failed") == 4 and "wrong" not in s.log().replace("wrong user name", "")
    s.run("lock", "lift", USER)
    # Hanging up instead of an answer leaves a line too.
    with ImapLogin(s) as login:
        assert isinstance(log_in(login, "XOAUTH2", frame("XOAUTH2", USER, "bad")), bytes)
    end = time.monotonic() + 20
    while "event=login_failed " not in s.log():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert s.log().count("event=login_failed ") == 1
    with ImapLogin(s) as login:
        assert log_in(login, "OAUTHBEARER", frame("OAUTHBEARER", USER, right)) is True


def test_not_without_tls():
    from support.server import Server
    s = Server(accounts=1, clear=False)
    try:
        data = frame("XOAUTH2", USER, token(s))
        with ImapLogin(s) as login:
            assert log_in(login, "XOAUTH2", data) is False and login.last.startswith(b"s NO [PRIVACYREQUIRED]")
        with Pop3Login(s) as login:
            assert log_in(login, "XOAUTH2", data) is False
        with SmtpLogin(s) as login:
            assert log_in(login, "XOAUTH2", data) is False and login.last.startswith(b"538 5.7.11")
        for protocol in PROTOCOLS:
            with protocol(s, tls=True) as login:
                assert log_in(login, "XOAUTH2", data) is True and login.works()
    finally:
        s.close()


def test_offered(host):
    with Imap(host) as c:
        assert b"AUTH=OAUTHBEARER AUTH=XOAUTH2" in c.greeting
    with Smtp(host, "submission") as c:
        assert "PLAIN LOGIN OAUTHBEARER XOAUTH2" in c.hello[1]


def test_list_survives_a_restart(make_server):
    s = make_server(accounts=2)
    made, bearer = make(s, "--send-only", "--expires", "600"), token(s)
    assert len(made["bearer"]) == 43
    with ImapLogin(s) as login:
        assert log_in(login, "OAUTHBEARER", frame("OAUTHBEARER", "", bearer)) is True
    assert bearer not in subprocess.run(["grep", "-raF", bearer, s.data], capture_output=True, text=True).stdout
    s.stop()
    s.start()
    with ImapLogin(s) as login:
        assert log_in(login, "OAUTHBEARER", frame("OAUTHBEARER", "", bearer)) is True
    first, second = json.loads(s.run("token", "list", USER, "--json").stdout)["tokens"]
    assert first["token"] == made["token"] and first["send_only"] and first["expires"] == made["expires"]
    assert "last_used" not in first and second["last_ip"] == s.host and not second["send_only"]
    s.run("address", "delete", USER)
    s.run("address", "add", USER)
    assert json.loads(s.run("token", "list", USER, "--json").stdout)["tokens"] == []
    with ImapLogin(s) as login:
        refused(login, "OAUTHBEARER", frame("OAUTHBEARER", "", bearer))
