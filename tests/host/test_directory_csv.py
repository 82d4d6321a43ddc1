# SPDX-License-Identifier: ISC
"""address import: a CSV file makes mailboxes, all or none, while everything else goes on."""
import json
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from support.server import BINARY

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from imap_client import Imap  # noqa: E402
from pop3_client import Pop3  # noqa: E402
from smtp_client import Smtp  # noqa: E402


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=3)
    yield s
    s.close()


def load(host, tmp_path, text, service="example.test", code=0):
    path = tmp_path / "people.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = host.run("address", "import", str(path), "--service", service, "--json", check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def addresses(host):
    return [a["address"] for a in json.loads(host.run("address", "list", "example.test", "--json").stdout)["addresses"]]


def test_mailboxes_and_redirections(host, tmp_path):
    answer = load(host, tmp_path, "local part,password,redirect target,0 keep/1 delete\r\n"
                  "Zoë,\"se, \"\"same\"\"\",,\r\nyan,yan-password,user1@example.test,1\r\nxan,,xan@else.test,0\r\n")
    assert answer["count"] == 3 and [a["address"] for a in answer["addresses"]] == \
        ["zoë@example.test", "yan@example.test", "xan@example.test"]
    code = answer["addresses"][2]["code"]
    host.run("redirection", "confirm", "xan@example.test", "xan@else.test", code)
    with Imap(host) as c:
        c.ok('LOGIN yan@example.test "yan-password"')
    with Pop3(host) as c:
        c.ok("USER yan@example.test")
        c.ok("PASS yan-password")
    shown = json.loads(host.run("address", "show", "yan@example.test", "--json").stdout)
    assert [d["name"] for d in shown["devices"]] == ["import"] and shown["keep_copy"] is False
    assert json.loads(host.run("address", "show", "xan@example.test", "--json").stdout)["devices"] == []
    with Smtp(host) as c:
        c.envelope("a@sender.test", "yan@example.test")
        assert c.ask(b"DATA")[0] == 354
        c.send(b"From: a@sender.test\r\nSubject: passed-on\r\n\r\nx\r\n.\r\n")
        assert c.reply()[0] == 250
    with Imap(host, user="user1@example.test") as c:
        c.ok("SELECT INBOX")
        assert c.ok("SEARCH SUBJECT passed-on")[0] != b"* SEARCH"
    entries = json.loads(host.run("audit", "list", "Example", "--json").stdout)["entries"]
    made = [e for e in entries if e.get("after", {}).get("imported")]
    assert len(made) == 3 and "yan-password" not in json.dumps(entries)


def test_one_bad_row_refuses_all_and_every_error_is_told(host, tmp_path):
    before = addresses(host)
    text = "good,x,,0\nuser1,x,,0\nbad one,,nobody@example.test,7\ngood,,,\n"
    answer = load(host, tmp_path, text, code=1)
    assert [(e["line"], e["column"]) for e in answer["errors"]] == [
        (2, "local part"), (3, "local part"), (3, "keep"), (4, "local part"), (3, "redirect target")]
    assert answer["message"] == "5 errors in the file; no address was made"
    done = subprocess.run([BINARY, "address", "import", "-", "--service", "example.test", "--data", host.data], input=text,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "line 2, local part: user1@example.test exists already\n" in done.stderr
    path = tmp_path / "latin.csv"
    path.write_bytes(b"a,b,,\n\xe9,b,,\n")
    done = host.run("address", "import", str(path), "--service", "example.test", check=False)
    assert done.returncode == 2 and "line 2 is not UTF-8" in done.stderr
    path.write_bytes(b"x" * (1 << 20) + b"x")
    done = host.run("address", "import", str(path), "--service", "example.test", check=False)
    assert done.returncode == 2 and "larger than" in done.stderr
    assert addresses(host) == before


def test_mail_goes_on_meanwhile(host, tmp_path):
    """RCPT is answered while fifty passwords are hashed, each of which takes tens of milliseconds."""
    host.run("service", "set", "example.test", "import-limit", "1000")
    rows = "".join(f"m{i},password-{i},,0\n" for i in range(50))
    took, times, result = {}, [], []

    def run():
        start = time.monotonic()
        result.append(load(host, tmp_path, rows))
        took["import"] = time.monotonic() - start

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive():
        with Smtp(host) as c:
            assert c.ask(b"MAIL FROM:<a@sender.test>")[0] == 250
            start = time.monotonic()
            assert c.ask(b"RCPT TO:<user1@example.test>")[0] == 250
            times.append(time.monotonic() - start)
    thread.join()
    host.run("service", "set", "example.test", "import-limit", "")
    assert result[0]["count"] == 50
    assert len(times) > 20, times
    assert max(times) < took["import"] / 4, f"a look-up took {max(times)} of {took}"
    with Imap(host) as c:
        c.ok('LOGIN m49@example.test "password-49"')


def test_the_limit_of_a_day_outlives_a_restart(tmp_path):
    from support.server import Server
    s = Server("--set", "import_per_day=5", accounts=1)
    try:
        assert load(s, tmp_path, "a,,,\nb,,,\nc,,,\n")["count"] == 3
        s.stop()
        s.start()
        error, = load(s, tmp_path, "d,,,\ne,,,\nf,,,\n", code=1)["errors"]
        assert error["line"] == 3 and "at most 5 addresses" in error["cause"] and "3 are made" in error["cause"]
        assert load(s, tmp_path, "d,,,\ne,,,\n")["count"] == 2
        s.stop()
        s.command += ["--set", "clock_offset=25h"]
        s.start()
        assert load(s, tmp_path, "f,,,\n")["count"] == 1
        s.run("service", "set", "example.test", "import-limit", "0")
        assert load(s, tmp_path, "".join(f"g{i},,,\n" for i in range(20)))["count"] == 20
    finally:
        s.close()


def test_killed_in_the_middle_nothing_is_made(tmp_path):
    """The directory dies while passwords are hashed: no address, and the day's limit is whole."""
    import os
    import signal
    from support.server import Server
    s = Server(accounts=1)
    try:
        path = tmp_path / "people.csv"
        s.run("service", "set", "example.test", "import-limit", "300")
        path.write_text("".join(f"k{i},password-{i},,\n" for i in range(300)))
        command = [BINARY, "address", "import", str(path), "--service", "example.test", "--data", s.data]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as p:
            time.sleep(0.3)
            assert p.poll() is None, "it was over too early"
            pid, = s.pids("directory")
            os.kill(pid, signal.SIGKILL)
            assert p.wait(30) == 1
        end = time.monotonic() + 20
        while (done := s.run("address", "list", "example.test", "--json", check=False)).returncode != 0:
            assert time.monotonic() < end, done.stderr
            time.sleep(0.05)
        assert not [a for a in json.loads(done.stdout)["addresses"] if a["address"].startswith("k")]
        assert load(s, tmp_path, "".join(f"k{i},,,\n" for i in range(300)))["count"] == 300
    finally:
        s.close()
