# SPDX-License-Identifier: ISC
"""Thunderbird, headless, reads a mailbox by IMAP over TLS, sees new mail come and tells what it read."""
import base64
import imaplib
import json
import os
import pathlib
import shutil
import signal
import smtplib
import subprocess
import time

import pytest

INSTALLED = pathlib.Path("/usr/lib/thunderbird")
USER = "user1@example.test"
PATIENCE_S = 60
PREFERENCES = """
pref("general.config.filename", "restante.cfg");
pref("general.config.obscure_value", 0);
pref("general.config.sandbox_enabled", false);
"""
# Nothing but the server is talked to.
PROFILE = {
    "app.update.enabled": False, "app.normandy.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False, "services.settings.server": "data:,", "extensions.update.enabled": False,
    "extensions.blocklist.enabled": False, "browser.safebrowsing.malware.enabled": False,
    "mail.provider.enabled": False, "mailnews.start_page.enabled": False, "mail.rights.version": 1,
    "network.proxy.type": 0, "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "mail.server.default.check_new_mail": True, "mail.server.default.login_at_startup": True,
    "mail.server.default.offline_download": True, "mail.shell.checkDefaultClient": False,
}
MESSAGES = (
    b"From: a@client.example.test\r\nSubject: plain\r\n\r\nOne line.\r\n",
    b"From: a@client.example.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: multipart/mixed; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n--B\r\nContent-Type: application/octet-stream\r\n"
    b"Content-Disposition: attachment; filename=x.bin\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--B--\r\n",
    b"From: a@client.example.test\r\nSubject: large\r\n\r\n" + b"0123456789abcdef0123456789abcdef\r\n" * 30000,
)
SUBJECTS = ["plain", "Grüße", "large"]


def deliver(server, content):
    with smtplib.SMTP(server.host, server.ports["smtp"]) as smtp:
        smtp.sendmail("a@client.example.test", [USER], content)


class Thunderbird:
    """A program tree of its own (links to the installed one), because the script must lie in it."""

    def __init__(self, server, place):
        self.place, self.result = place, place / "result.json"
        tree, profile = place / "program", place / "profile"
        shutil.copytree(INSTALLED, tree, copy_function=link)
        profile.mkdir()
        (tree / "defaults" / "pref" / "restante.js").write_text(PREFERENCES)
        (tree / "restante.cfg").write_text(self.script(server))
        (profile / "user.js").write_text("".join(f"user_pref({json.dumps(k)}, {json.dumps(v)});\n"
                                                 for k, v in PROFILE.items()))
        env = {"PATH": os.environ["PATH"], "HOME": str(place), "MOZ_HEADLESS": "1", "LANG": "C.UTF-8"}
        self.log = open(place / "log", "wb")
        self.process = subprocess.Popen(
            [tree / "thunderbird", "--headless", "--no-remote", "--profile", profile], env=env, stdout=self.log,
            stderr=self.log, stdin=subprocess.DEVNULL, start_new_session=True)

    def script(self, server):
        certificate = "".join(line for line in pathlib.Path(server.ca_file).read_text().splitlines()
                              if not line.startswith("-----"))
        text = pathlib.Path(__file__).with_name("thunderbird.cfg.js").read_text()
        for name, value in (("USER", USER), ("PASSWORD", server.password(USER)), ("PORT", server.ports["imaps"]),
                            ("RESULT", self.result), ("CERTIFICATE", certificate)):
            text = text.replace(f"@{name}@", str(value))
        return text

    def wait_for(self, count):
        """What it saw last, once that is so many messages."""
        deadline, seen = time.monotonic() + PATIENCE_S, {}
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.result.exists():
                seen = json.loads(self.result.read_text())
                assert "error" not in seen, seen["error"]
                if len(seen["messages"]) == count:
                    return seen
            time.sleep(0.05)
        raise AssertionError(f"saw {str(seen)[:500]}\n{(self.place / 'log').read_text(errors='replace')[-2000:]}")

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.log.close()


def link(source, target):
    """The programs themselves are copied: they look for their files beside the path they really have."""
    if os.path.basename(source).startswith("thunderbird"):
        shutil.copy2(source, target)
    else:
        os.symlink(source, target)


def flags(server):
    with imaplib.IMAP4(server.host, server.ports["imap"]) as imap:
        imap.login(USER, server.password(USER))
        imap.select("INBOX", readonly=True)
        return [line.decode() for line in imap.fetch("1:*", "(FLAGS)")[1]]


@pytest.mark.skipif(not INSTALLED.is_dir(), reason="Debian's thunderbird is not installed (script/packages)")
def test_thunderbird_reads(make_server, tmp_path):
    server = make_server(accounts=1)
    for content in MESSAGES:
        deliver(server, content)
    thunderbird = Thunderbird(server, tmp_path)
    try:
        seen = thunderbird.wait_for(3)
        assert [m[0] for m in seen["messages"]] == SUBJECTS
        for (_, _, _, source), content in zip(seen["messages"], MESSAGES):
            assert base64.b64decode(source).replace(b"\r\n", b"\n").endswith(content.replace(b"\r\n", b"\n"))
        assert {"Drafts", "Sent", "Trash", "Archive", "Spam"} <= set(seen["folders"]), seen["folders"]
        deadline = time.monotonic() + PATIENCE_S
        while "\\Seen" not in flags(server)[0]:
            assert time.monotonic() < deadline, flags(server)
            time.sleep(0.1)
        assert not any("\\Seen" in line for line in flags(server)[1:])
        deliver(server, MESSAGES[0].replace(b"plain", b"pushed"))
        assert thunderbird.wait_for(4)["messages"][3][0] == "pushed"
    finally:
        thunderbird.close()
