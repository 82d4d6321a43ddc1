# SPDX-License-Identifier: ISC
"""The processes: sandbox, restarts, status, reload, end."""
import os
import pathlib
import signal
import smtplib
import subprocess
import time
import urllib.request

from support.server import BINARY


def wait_for(what, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        got = what()
        if got:
            return got
        time.sleep(0.02)
    raise AssertionError("did not happen within %d s" % seconds)


def test_sandbox_refuses_in_every_role(tmp_path):
    done = subprocess.run([BINARY, "sandbox", "--data", str(tmp_path / "data")], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    roles = [line.split(":")[0] for line in done.stdout.splitlines() if "=" in line]
    assert sorted(set(roles)) == ["directory", "edge", "inspect", "queue", "store", "web"], done.stdout + done.stderr
    assert "ALLOWED" not in done.stdout
    for line in done.stdout.splitlines():
        if "=" in line:
            for probe in ("open-foreign-file", "write-outside", "exec", "fork", "socket", "connect", "ptrace"):
                assert f"{probe}=refused" in line, line
    assert done.returncode == 0


def test_roles_run_without_privileges_to_gain(server):
    for role in server.status()["roles"]:
        status = pathlib.Path(f"/proc/{role['pid']}/status").read_text()
        assert "NoNewPrivs:\t1" in status, role
        assert "Seccomp:\t2" in status, role


def test_a_dead_role_is_restarted_and_others_go_on(make_server):
    server = make_server("--set", "restart_delay=10ms")
    smtp = smtplib.SMTP(server.host, server.ports["smtp"], timeout=20)
    smtp.ehlo("client.example.test")
    for role in ("inspect", "store", "directory", "queue", "web"):
        before = server.pids(role)
        os.kill(before[0], signal.SIGKILL)
        wait_for(lambda: before[0] not in server.pids(role) and all(
            r["ready"] for r in server.status()["roles"] if r["role"] == role))
        # The session that was open all the time delivers through the new process.
        assert smtp.sendmail("a@client.example.test", ["user1@example.test"],
                             f"Subject: after {role}\r\n\r\nx\r\n") == {}
    smtp.quit()
    assert server.status()["healthy"]


def test_a_dead_edge_is_restarted(make_server):
    server = make_server("--set", "restart_delay=10ms")
    edge = server.pids("edge")[0]
    os.kill(edge, signal.SIGKILL)
    wait_for(lambda: server.pids("edge")[0] not in (0, edge) and server.status()["healthy"])
    with smtplib.SMTP(server.host, server.ports["smtp"], timeout=20) as smtp:
        assert smtp.noop()[0] == 250


def test_status_and_metrics(server):
    with smtplib.SMTP(server.host, server.ports["smtp"], timeout=20) as smtp:
        smtp.sendmail("a@client.example.test", ["user1@example.test"], "Subject: counted\r\n\r\nx\r\n")
    text = server.run("status").stdout
    assert text.startswith("healthy") and "directory" in text
    url = "http://%s:%d" % (server.host, server.ports["http"])
    metrics = urllib.request.urlopen(url + "/metrics", timeout=20).read().decode()
    delivered = [line for line in metrics.splitlines() if line.startswith('restante_deliveries_total{role="store"')]
    assert sum(int(line.split()[-1]) for line in delivered) >= 1
    assert "restante_commit_latency_seconds_bucket" in metrics
    health = urllib.request.urlopen(url + "/healthz", timeout=20)
    assert (health.status, health.read()) == (200, b"ok\n")
    try:
        urllib.request.urlopen(url + "/nothing", timeout=20)
        raise AssertionError("no 404")
    except urllib.error.HTTPError as e:
        assert e.code == 404


def test_https(server):
    done = subprocess.run(["curl", "-sS", "--cacert", server.ca_file,
                           "https://127.0.0.1:%d/healthz" % server.ports["https"]], capture_output=True, text=True)
    assert done.stdout == "ok\n", done.stderr


def test_trace_id_goes_through_the_roles(server):
    with smtplib.SMTP(server.host, server.ports["smtp"], timeout=20) as smtp:
        smtp.ehlo("client.example.test")
        smtp.mail("a@client.example.test")
        smtp.rcpt("user2@example.test")
        code, text = smtp.data("Subject: traced\r\n\r\nx\r\n")
    assert code == 250
    trace = next(word for word in text.decode().replace("=", " ").split() if len(word) == 16 and
                 all(c in "0123456789abcdef" for c in word))
    lines = [line for line in server.log().splitlines() if trace in line]
    assert any(" edge/" in line for line in lines), lines


def test_serve_with_a_configuration_file(tmp_path):
    defaults = subprocess.run([BINARY, "config", "--defaults"], capture_output=True, text=True, check=True).stdout
    assert "# queue_retry_first = 30s" in defaults
    config = tmp_path / "restante.conf"
    config.write_text("data_dir = %s\nuser = \"\"\nhostname = mail.example.test\n" % (tmp_path / "data") + "".join(
        f"listen_{name} = \"\"\n" for name in ("submission", "submissions", "imap", "imaps", "pop3", "pop3s", "http",
                                           "https")) +
        "listen_smtp = 127.0.0.1:0\nlog_level = info\n")
    env = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    assert subprocess.run([BINARY, "config", "-c", str(config)], env=env, capture_output=True).returncode == 0
    log = open(tmp_path / "log", "wb")
    process = subprocess.Popen([BINARY, "serve", "-c", str(config)], stderr=log, env=env)
    try:
        said = lambda word: word in (tmp_path / "log").read_text()
        wait_for(lambda: said("event=ready"))
        again = subprocess.run([BINARY, "serve", "-c", str(config)], capture_output=True, text=True, env=env, timeout=20)
        assert again.returncode == 1 and "another restante runs" in again.stderr

        def run(*words):
            return subprocess.run([BINARY, *words, "-c", str(config)], capture_output=True, text=True, env=env, timeout=20)

        assert run("organisation", "add", "Example").returncode == 0
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: said("event=reloaded"))
        config.write_text("shards = none\n")
        process.send_signal(signal.SIGHUP)
        wait_for(lambda: said("event=reload_refused"))
        assert "shards = none: must be a whole number" in (tmp_path / "log").read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    bad = tmp_path / "bad.conf"
    bad.write_text("shards = 0\n")
    refused = subprocess.run([BINARY, "serve", "-c", str(bad)], capture_output=True, text=True, env=env, timeout=20)
    assert refused.returncode == 1 and "bad.conf:1: shards = 0: must be within its bounds (1 to 256)" in refused.stderr
