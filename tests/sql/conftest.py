# SPDX-License-Identifier: ISC
"""A PostgreSQL server of its own for these tests, on a unix socket in a temporary folder."""
import glob
import os
import pwd
import shutil
import subprocess
import tempfile

import pytest

PROGRAMS = sorted(glob.glob("/usr/lib/postgresql/15/bin"))


def unprivileged():
    """PostgreSQL refuses to run as root: an ordinary user's ids then, else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
        except KeyError:
            continue
    pytest.skip("run by root and there is no user postgres or nobody to run PostgreSQL as")


class Postgres:
    """One running server; databases are made per test."""

    def __init__(self, folder, ids):
        self.folder, self.ids, self.count = folder, ids, 0

    def run(self, program, *arguments, text=None, check=True):
        how = {"user": self.ids[0], "group": self.ids[1], "extra_groups": []} if self.ids else {}
        how["env"] = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": self.folder}
        done = subprocess.run([os.path.join(PROGRAMS[-1], program), *arguments], input=text, text=True,
                              capture_output=True, cwd=self.folder, timeout=120, **how)
        if check and done.returncode != 0:
            raise AssertionError(f"{program}: {done.stdout}{done.stderr}")
        return done

    def start(self):
        data = os.path.join(self.folder, "data")
        self.run("initdb", "--pgdata", data, "--username", "restante", "--auth", "trust",
                 "--encoding", "UTF8", "--no-locale", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -c unix_socket_directories={self.folder}"
        self.run("pg_ctl", "--pgdata", data, "--wait", "--log", os.path.join(self.folder, "log"),
                 "--options", options, "start")

    def stop(self):
        self.run("pg_ctl", "--pgdata", os.path.join(self.folder, "data"), "--mode", "immediate", "stop",
                 check=False)

    def psql(self, database, script):
        """Runs a script up to its first error; returns (was there one, what was printed)."""
        done = self.run("psql", "--no-psqlrc", "--quiet", "--host", self.folder,
                        "--username", "restante", "--set", "ON_ERROR_STOP=1", database, text=script, check=False)
        return done.returncode != 0, done.stdout + done.stderr

    def new_database(self):
        self.count += 1
        failed, printed = self.psql("postgres", f"CREATE DATABASE test{self.count};")
        assert not failed, printed
        return f"test{self.count}"


@pytest.fixture(scope="session")
def postgres():
    if not PROGRAMS:
        pytest.skip("PostgreSQL 15 is not installed (package postgresql-15)")
    ids = unprivileged()
    # A short path: a unix socket's name has at most 107 bytes.
    folder = tempfile.mkdtemp(prefix="restante-sql-", dir="/tmp")
    if ids:
        os.chown(folder, *ids)
    server = Postgres(folder, ids)
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
