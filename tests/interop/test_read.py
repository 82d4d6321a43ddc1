# SPDX-License-Identifier: ISC
"""Real clients read: curl, and mbsync, whose two copies converge whatever was changed on both sides."""
import imaplib
import os
import pathlib
import random
import shutil
import subprocess
import time

import pytest

USER = "user10@example.test"


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


def message(n, body="body"):
    return f"From: a@client.example.test\r\nTo: {USER}\r\nSubject: number {n}\r\nMessage-ID: <{n}@client.example.test>\r\n\r\n{body} {n}\r\n".encode()


def connect(server, user=USER):
    imap = imaplib.IMAP4_SSL(server.host, server.ports["imaps"])
    imap.login(user, server.password(user))
    return imap


def test_curl_reads(server):
    need("curl")
    user = "user9@example.test"
    with connect(server, user) as imap:
        imap.append("INBOX", r"(\Flagged)", None, message(1))
    base = f"imaps://{server.host}:{server.ports['imaps']}"
    common = ["curl", "-sS", "--cacert", server.ca_file, "--user", f"{user}:{server.password(user)}", "--max-time", "30"]
    got = subprocess.run([*common, f"{base}/INBOX;MAILINDEX=1"], capture_output=True, timeout=60)
    assert got.stdout == message(1), got.stderr
    got = subprocess.run([*common, f"{base}/INBOX;MAILINDEX=1;SECTION=HEADER.FIELDS%20(SUBJECT)"], capture_output=True,
                         timeout=60)
    assert got.stdout == b"Subject: number 1\r\n\r\n", got.stdout
    got = subprocess.run([*common, f"{base}/"], capture_output=True, text=True, timeout=60)
    assert '"/"' in got.stdout and "INBOX" in got.stdout
    wrong = subprocess.run([*common[:-4], "--user", f"{user}:wrong", f"{base}/"], capture_output=True, timeout=60)
    assert wrong.returncode == 67  # login denied


class Mbsync:
    def __init__(self, server, tmp_path, name):
        self.dir = tmp_path / name
        self.dir.mkdir()
        self.config = self.dir / "mbsyncrc"
        (self.dir / "mail").mkdir()
        self.config.write_text(f"""IMAPAccount r
Host localhost
Port {server.ports['imaps']}
User {USER}
Pass {server.password(USER)}
SSLType IMAPS
CertificateFile {server.ca_file}

IMAPStore remote
Account r

MaildirStore local
Path {self.dir}/mail/
Inbox {self.dir}/mail/INBOX
SubFolders Verbatim

Channel c
Far :remote:
Near :local:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
""")

    def sync(self):
        done = subprocess.run(["mbsync", "-c", str(self.config), "c"], capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOME": str(self.dir)})
        assert done.returncode == 0, done.stderr

    def mails(self):
        """{(folder, body): flags} without mbsync's own header."""
        found = {}
        for path in self.dir.glob("mail/**/*"):
            if path.parent.name not in ("cur", "new") or not path.is_file():
                continue
            text = path.read_bytes().replace(b"\r\n", b"\n")
            lines = [line for line in text.split(b"\n") if not line.startswith(b"X-TUID:")]
            flags = path.name.split(":2,")[1].split(",")[0] if ":2," in path.name else ""
            found[(str(path.parent.parent.relative_to(self.dir / "mail")), b"\n".join(lines))] = frozenset(flags)
        return found

    def paths(self):
        return [p for p in self.dir.glob("mail/**/*") if p.parent.name in ("cur", "new") and p.is_file()]

    def edit(self, rng, n):
        """One random change on this side."""
        paths = self.paths()
        what = rng.choice(("add", "add", "flag", "delete"))
        if what == "add" or not paths:
            folder = self.dir / "mail" / "INBOX" / "cur"
            (folder / f"{n}.{rng.getrandbits(40)}.x:2,S").write_bytes(message(f"{self.dir.name}-{n}").replace(b"\r\n", b"\n"))
        elif what == "flag":
            path = rng.choice(paths)
            path.rename(path.parent.parent / "cur" / (path.name.split(":2,")[0] + ":2," + rng.choice(("S", "FS", "RS", ""))))
        else:
            rng.choice(paths).unlink()


def test_mbsync_converges(server, tmp_path):
    need("mbsync")
    rng = random.Random(20260301)
    with connect(server) as imap:
        for n in range(10):
            imap.append("INBOX", None, None, message(n))
    one, two = Mbsync(server, tmp_path, "one"), Mbsync(server, tmp_path, "two")
    one.sync()
    two.sync()
    assert len(one.mails()) == 10 and one.mails() == two.mails()
    for n in range(6):
        for _ in range(3):
            one.edit(rng, rng.getrandbits(30))
            two.edit(rng, rng.getrandbits(30))
        one.sync()
        two.sync()
        one.sync()
        two.sync()
        assert one.mails() == two.mails(), f"round {n}"
    with connect(server) as imap:
        _, (count,) = imap.select("INBOX")
        inbox = [k for k in one.mails() if k[0] == "INBOX"]
        assert int(count) == len(inbox)
