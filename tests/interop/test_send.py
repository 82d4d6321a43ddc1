# SPDX-License-Identifier: ISC
"""Real clients send on all three ports: swaks, msmtp, curl.  Right, wrong password, no login, relay attempt."""
import imaplib
import shutil
import subprocess
import time
import uuid

import pytest

PORTS = ("smtp", "submission", "submissions")


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def received(server, address, marker):
    with imaplib.IMAP4(server.host, server.ports["imap"]) as imap:
        imap.login(address, server.password(address))
        imap.select("INBOX")
        _, found = imap.search(None, "SUBJECT", f'"{marker}"')
        numbers = found[0].split()
        return [imap.fetch(n, "(BODY.PEEK[])")[1][0][1] for n in numbers]


def swaks(server, port, *options, to="user1@example.test", sender="alice@example.test"):
    command = ["swaks", "--server", server.host, "--port", str(server.ports[port]), "--from", sender, "--to", to,
               "--helo", "client.example.test", "--timeout", "20", *options]
    if port == "submissions":
        command.append("--tls-on-connect")
    elif port == "submission":
        command.append("--tls")
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def login_options(server, password=None):
    return ["--auth", "PLAIN", "--auth-user", "alice@example.test", "--auth-password",
            password or server.password("alice@example.test")]


@pytest.mark.parametrize("port", PORTS)
def test_swaks_right(server, port):
    need("swaks")
    marker = uuid.uuid4().hex
    auth = [] if port == "smtp" else login_options(server)
    done = swaks(server, port, "--header", f"Subject: {marker}", *auth)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(received(server, "user1@example.test", marker)) == 1


@pytest.mark.parametrize("mechanism", ("PLAIN", "LOGIN"))
@pytest.mark.parametrize("port", ("submission", "submissions"))
def test_swaks_mechanisms_and_wrong_password(server, port, mechanism):
    need("swaks")
    right = swaks(server, port, "--auth", mechanism, "--auth-user", "alice@example.test", "--auth-password",
                  server.password("alice@example.test"), "--quit-after", "AUTH")
    assert right.returncode == 0 and " 235 2.7.0" in right.stdout, right.stdout
    wrong = swaks(server, port, "--auth", mechanism, "--auth-user", "bob@example.test", "--auth-password", "wrong")
    assert wrong.returncode != 0 and "535 5.7.8" in wrong.stdout, wrong.stdout


@pytest.mark.parametrize("port", ("submission", "submissions"))
def test_swaks_without_login(server, port):
    need("swaks")
    done = swaks(server, port)
    assert done.returncode != 0 and "530 5.7.0" in done.stdout, done.stdout


def test_swaks_relay_attempt(server):
    need("swaks")
    done = swaks(server, "smtp", to="someone@elsewhere.test", sender="a@client.example.test")
    assert done.returncode != 0 and "550 5.7.1" in done.stdout, done.stdout
    done = swaks(server, "smtp", to="nobody-here@example.test", sender="a@client.example.test")
    assert done.returncode != 0 and "550 5.1.1" in done.stdout, done.stdout
    done = swaks(server, "submissions", *login_options(server), to="someone@elsewhere.test")
    assert done.returncode != 0 and " 550 5." in done.stdout, done.stdout


def test_swaks_starttls_on_25(server):
    need("swaks")
    marker = uuid.uuid4().hex
    done = swaks(server, "smtp", "--tls", "--header", f"Subject: {marker}", sender="a@client.example.test")
    assert done.returncode == 0 and "STARTTLS" in done.stdout, done.stdout
    (raw,) = received(server, "user1@example.test", marker)
    assert b"with ESMTPS" in raw and b"Return-Path: <a@client.example.test>" in raw


@pytest.mark.parametrize("port", ("submission", "submissions"))
def test_msmtp(server, port, tmp_path):
    need("msmtp")
    marker = uuid.uuid4().hex
    config = tmp_path / "msmtprc"
    config.write_text(f"""account default
host {server.host}
port {server.ports[port]}
tls on
tls_starttls {'on' if port == 'submission' else 'off'}
tls_trust_file {server.ca_file}
auth plain
user alice@example.test
password {server.password('alice@example.test')}
from alice@example.test
""")
    config.chmod(0o600)
    message = f"From: alice@example.test\nTo: user2@example.test\nBcc: user3@example.test\nSubject: {marker}\n\nhello\n"
    done = subprocess.run(["msmtp", "-C", str(config), "user2@example.test", "user3@example.test"], input=message,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for user in ("user2@example.test", "user3@example.test"):
        (raw,) = received(server, user, marker)
        assert b"\nBcc:" not in raw and b"\nDate: " in raw and b"\nMessage-ID: " in raw.replace(b"Message-Id", b"Message-ID")
    config.write_text(config.read_text().replace(server.password("alice@example.test"), "wrong-password"))
    done = subprocess.run(["msmtp", "-C", str(config), "user2@example.test"], input=message, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode != 0 and "535" in done.stderr


@pytest.mark.parametrize("port", PORTS)
def test_curl(server, port, tmp_path):
    need("curl")
    marker = uuid.uuid4().hex
    mail = tmp_path / "mail"
    mail.write_bytes(f"From: alice@example.test\r\nTo: user4@example.test\r\nSubject: {marker}\r\n\r\nfrom curl\r\n".encode())
    scheme = "smtps" if port == "submissions" else "smtp"
    command = ["curl", "-sS", f"{scheme}://{server.host}:{server.ports[port]}/client.example.test", "--mail-from",
               "alice@example.test", "--mail-rcpt", "user4@example.test", "--upload-file", str(mail), "--cacert",
               server.ca_file, "--max-time", "30"]
    if port != "smtp":
        command += ["--ssl-reqd", "--user", f"alice@example.test:{server.password('alice@example.test')}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert len(received(server, "user4@example.test", marker)) == 1
