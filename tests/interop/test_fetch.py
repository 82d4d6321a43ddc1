# SPDX-License-Identifier: ISC
"""Real POP3 clients: curl, fetchmail and getmail; each fetches everything, once, and deletes or leaves as it is told."""
import imaplib
import os
import shutil
import subprocess

import pytest

COUNT = 30


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def body(n):
    return f"line {n}\r\n.dot\r\n..dots\r\n" + "x" * (n * 997 % 5000) + "\r\n"


@pytest.fixture
def filled(server, request):
    """A mailbox with COUNT messages."""
    user = {"curl": "user11@example.test", "fetchmail": "user12@example.test", "getmail": "user13@example.test"}[
        request.node.name.split("_")[1]]
    with imaplib.IMAP4_SSL(server.host, server.ports["imaps"]) as imap:
        imap.login(user, server.password(user))
        for n in range(COUNT):
            imap.append("INBOX", None, None, f"From: a@client.example.test\r\nSubject: number {n}\r\n\r\n{body(n)}".encode())
    return user


def left(server, user):
    with imaplib.IMAP4_SSL(server.host, server.ports["imaps"]) as imap:
        imap.login(user, server.password(user))
        return int(imap.select("INBOX")[1][0])


def check_bodies(texts):
    """Local programs have LF."""
    found = [next(n for n in range(COUNT) if f"Subject: number {n}\n" in text) for text in texts]
    assert sorted(found) == list(range(COUNT))
    for n, text in zip(found, texts):
        assert text.split("\n\n", 1)[1].rstrip("\n") == body(n).replace("\r\n", "\n").rstrip("\n")


def test_curl_fetches(server, filled):
    need("curl")
    common = ["curl", "-sS", "--cacert", server.ca_file, "--user", f"{filled}:{server.password(filled)}", "--max-time", "30"]
    url = f"pop3s://{server.host}:{server.ports['pop3s']}/"
    listed = subprocess.run([*common, url], capture_output=True, text=True, timeout=60, check=True).stdout.split("\n")
    assert len([row for row in listed if row.strip()]) == COUNT
    texts = [subprocess.run([*common, url + str(n)], capture_output=True, timeout=60, check=True).stdout.decode()
             for n in range(1, COUNT + 1)]
    check_bodies([text.replace("\r\n", "\n") for text in texts])
    clear = subprocess.run([*common, "--ssl-reqd", f"pop3://{server.host}:{server.ports['pop3']}/1"], capture_output=True,
                           timeout=60)
    assert b"Subject: number 0" in clear.stdout, clear.stderr
    wrong = subprocess.run([*common[:-4], "--user", f"{filled}:wrong", url], capture_output=True, timeout=60)
    assert wrong.returncode == 67


def test_fetchmail_takes_all(server, filled, tmp_path):
    need("fetchmail")
    spool, rc, take = tmp_path / "mail", tmp_path / "fetchmailrc", tmp_path / "take"
    spool.mkdir()
    take.write_text(f"#!/bin/sh\ncat > $(mktemp {spool}/XXXXXX)\n")
    take.chmod(0o700)

    def fetch(keep):
        rc.write_text(f'''poll localhost port {server.ports["pop3"]} protocol pop3 uidl
  user "{filled}" password "{server.password(filled)}" sslproto "TLS1.2+" sslcertck sslcertfile "{server.ca_file}"
  mda "{take}" {keep}
''')
        rc.chmod(0o600)
        return subprocess.run(["fetchmail", "-f", str(rc), "--nosyslog", "-i", str(tmp_path / "ids"), "--pidfile",
                               str(tmp_path / "pid")], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOME": str(tmp_path), "FETCHMAILHOME": str(tmp_path)})

    done = fetch("keep")
    assert done.returncode == 0, done.stderr + done.stdout
    assert left(server, filled) == COUNT
    assert fetch("keep").returncode == 1  # nothing new: the same UIDLs
    texts = [p.read_text() for p in spool.iterdir()]
    assert len(texts) == COUNT
    done = fetch("nokeep fetchall")
    assert done.returncode == 0, done.stderr + done.stdout
    assert left(server, filled) == 0


def test_getmail_leaves_and_deletes(server, filled, tmp_path):
    need("getmail")
    spool, rc, take = tmp_path / "mail", tmp_path / "getmailrc", tmp_path / "take"
    spool.mkdir()
    take.write_text(f"#!/bin/sh\ncat > $(mktemp {spool}/XXXXXX)\n")
    take.chmod(0o700)

    def fetch(delete):
        rc.write_text(f"""[retriever]
type = SimplePOP3SSLRetriever
server = localhost
port = {server.ports["pop3s"]}
username = {filled}
password = {server.password(filled)}
ca_certs = {server.ca_file}
[destination]
type = MDA_external
path = {take}
allow_root_commands = true
[options]
read_all = false
delete = {delete}
delivered_to = false
received = false
""")
        return subprocess.run(["getmail", f"--getmaildir={tmp_path}", "--rcfile=getmailrc"], capture_output=True, text=True,
                              timeout=120, env={**os.environ, "HOME": str(tmp_path)})
    done = fetch("false")
    assert done.returncode == 0, done.stderr + done.stdout
    assert left(server, filled) == COUNT
    check_bodies([p.read_text() for p in spool.iterdir()])
    assert fetch("true").returncode == 0
    assert len(list(spool.iterdir())) == COUNT and left(server, filled) == 0
