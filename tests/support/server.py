# SPDX-License-Identifier: ISC
"""A running demo server, told by its JSON file."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = os.environ.get("RESTANTE_BIN", str(ROOT / "build" / "restante"))
SUITES = pathlib.Path(os.environ.get("RESTANTE_SUITES", ROOT.parent / "shared" / "suites"))


class Server:
    """One `restante demo` process; .host .ports .users .ca_file .data as in its JSON file."""

    def __init__(self, *options, accounts=20, password="device-password-1", data=None, clear=True):
        self.own_data = data is None
        self.data = data or tempfile.mkdtemp(prefix="restante-test-")
        self.json_file = os.path.join(self.data, "demo.json")
        self.log_file = os.path.join(self.data, "log")
        self.command = [BINARY, "demo", "--data", self.data, "--accounts", str(accounts), "--password", password,
                        "--json", self.json_file, *options]
        if clear:
            self.command.append("--allow-plaintext-loopback")
        self.process = None
        self.start()

    def start(self, timeout=60):
        if os.path.exists(self.json_file):
            os.unlink(self.json_file)
        env = dict(os.environ)
        # The leak search needs ptrace, which the roles' sandbox refuses.
        env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0:abort_on_error=1"
        with open(self.log_file, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, env=env)
        end = time.monotonic() + timeout
        while not os.path.exists(self.json_file):
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError("the server did not start:\n" + self.log()[-4000:])
            time.sleep(0.01)
        told = json.loads(pathlib.Path(self.json_file).read_text())
        self.host, self.ports, self.ca_file, self.pid = told["host"], told["ports"], told["ca_file"], told["pid"]
        self.users = [(u["address"], u["password"]) for u in told["users"]]

    def password(self, address):
        return dict(self.users)[address]

    def log(self):
        return pathlib.Path(self.log_file).read_text(errors="replace")

    def run(self, *words, check=True):
        """A subcommand against this server: the finished process."""
        return subprocess.run([BINARY, *words, "--data", self.data], capture_output=True, text=True, check=check,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}, timeout=60)

    def status(self):
        return json.loads(self.run("status", "--json").stdout)

    def pids(self, role):
        return [r["pid"] for r in self.status()["roles"] if r["role"] == role]

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("the server did not end on SIGTERM:\n" + self.log()[-4000:])

    def close(self):
        try:
            self.stop()
            bad = [line for line in self.log().splitlines()
                   if "runtime error:" in line or "ERROR: AddressSanitizer" in line]
            assert not bad, "sanitizer reports:\n" + self.log()[-8000:]
        finally:
            if self.own_data:
                shutil.rmtree(self.data, ignore_errors=True)
