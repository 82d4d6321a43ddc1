# SPDX-License-Identifier: ISC
"""curl logs in with a token: OAUTHBEARER and XOAUTH2, on the three protocols."""
import json
import shutil
import subprocess
import uuid

import pytest

USER = "user16@example.test"
MECHANISMS = ["OAUTHBEARER", "XOAUTH2"]
both = pytest.mark.parametrize("mechanism", MECHANISMS)


@pytest.fixture(scope="module")
def bearer(server):
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    return json.loads(server.run("token", "add", USER, "curl", "--json").stdout)["bearer"]


def curl(server, mechanism, token, scheme, *rest):
    """The first of rest is the path."""
    return subprocess.run(["curl", "-sS", "--cacert", server.ca_file, "--user", USER, "--oauth2-bearer", token, "--login-options",
                           f"AUTH={mechanism}", "--max-time", "30", f"{scheme}://{server.host}:{server.ports[scheme_port(scheme)]}/{rest[0]}",
                           *rest[1:]], capture_output=True, text=True, timeout=60)


def scheme_port(scheme):
    return {"smtps": "submissions"}.get(scheme, scheme)


@both
def test_sent_and_read(server, bearer, mechanism, tmp_path):
    marker, mail = uuid.uuid4().hex, tmp_path / "mail"
    mail.write_bytes(f"From: {USER}\r\nTo: {USER}\r\nSubject: {marker}\r\n\r\nwith a token\r\n".encode())
    sent = curl(server, mechanism, bearer, "smtps", "client.example.test", "--mail-from", USER, "--mail-rcpt", USER, "--upload-file", str(mail))
    assert sent.returncode == 0, sent.stderr
    found = curl(server, mechanism, bearer, "imaps", "INBOX", "-X", f"SEARCH SUBJECT {marker}")
    assert found.returncode == 0 and found.stdout.split()[:2] == ["*", "SEARCH"] and len(found.stdout.split()) == 3, found
    number = found.stdout.split()[2]
    listed = curl(server, mechanism, bearer, "pop3s", "")
    assert listed.returncode == 0, listed.stderr
    assert f"Subject: {marker}" in curl(server, mechanism, bearer, "pop3s", number).stdout


@both
@pytest.mark.parametrize("scheme", ["imaps", "pop3s", "smtps"])
def test_refused(server, bearer, mechanism, scheme):
    done = curl(server, mechanism, "wrong-" + bearer, scheme, "")
    assert done.returncode == 67, done  # login denied
