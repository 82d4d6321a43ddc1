# SPDX-License-Identifier: ISC
"""Users, roles and permissions by the command line; what the tables of commands give: completion, manual page."""
import json
import os
import pathlib
import subprocess
import sys

import pytest

from support.server import BINARY

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "protocol"))
from pop3_client import Pop3  # noqa: E402

ALL = ["devices", "auto-reply", "signatures", "redirections", "aliases", "history", "restore", "filters", "rules", "folders",
       "security", "send"]
ADDRESS = "user1@example.test"


@pytest.fixture(scope="module")
def host():
    from support.server import Server
    s = Server(accounts=3)
    yield s
    s.close()


@pytest.fixture
def run(host):
    """The answer of a command; refused: its sentence."""
    def go(*words, refused=False):
        done = host.run(*words, "--json", check=False)
        assert done.returncode == (1 if refused else 0), done.stdout + done.stderr
        answer = json.loads(done.stdout)
        return answer["message"] if refused else answer
    return go


@pytest.fixture
def organisation(run):
    """With a legal representative."""
    name = f"organisation {os.urandom(4).hex()}"
    run("organisation", "add", name)
    run("user", "add", "legal@people.test", f"--organisation={name}", "--role=legal")
    return name


def roles(run, organisation):
    return {u["name"]: u["role"] for u in run("user", "list", organisation)["users"]}


def test_the_first_user_answers_for_all(run):
    run("organisation", "add", "Empty")
    message = run("user", "add", "a@people.test", "--organisation", "Empty", refused=True)
    assert "legal representative" in message
    assert roles(run, "Empty") == {}


def test_roles(run, organisation):
    o = f"--organisation={organisation}"
    run("user", "add", "a@people.test", o)
    run("user", "add", "b@people.test", o, "--role", "external")
    assert roles(run, organisation) == {"legal@people.test": "legal", "a@people.test": "collaborator",
                                        "b@people.test": "external"}
    assert "exists" in run("user", "add", "a@people.test", o, refused=True)
    assert "a role is" in run("user", "add", "c@people.test", o, "--role=king", refused=True)
    run("user", "role", "a@people.test", "administrator", o)
    for words in (("role", "legal@people.test", "collaborator", o), ("delete", "legal@people.test", o)):
        assert "legal representative" in run("user", *words, refused=True)
    run("user", "role", "a@people.test", "legal", o)
    run("user", "delete", "legal@people.test", o)
    assert roles(run, organisation) == {"a@people.test": "legal", "b@people.test": "external"}
    assert "no user" in run("user", "delete", "nobody", o, refused=True)
    assert "no organisation" in run("user", "list", "nowhere", refused=True)
    actions = [(e["action"], e["subject"]) for e in run("audit", "list", organisation)["entries"]]
    assert actions[0] == ("user delete", "legal@people.test") and ("user role", "a@people.test") in actions


def test_permissions(run):
    o = "--organisation=Example"
    run("user", "add", "boss@people.test", o, "--role=legal")
    run("user", "add", "help@people.test", o)
    assert run("permission", "list", ADDRESS)["users"] == [
        {"user": "boss@people.test", "role": "legal", "permissions": ALL}]
    run("permission", "set", "help@people.test", ADDRESS, "filters, devices")
    listed = {u["user"]: u["permissions"] for u in run("permission", "list", ADDRESS)["users"]}
    assert listed["help@people.test"] == ["devices", "filters"]
    run("permission", "set", "help@people.test", ADDRESS, "all")
    entry = run("audit", "list", "Example")["entries"][0]
    assert entry["action"] == "permission set" and entry["subject"] == ADDRESS
    assert "filters" in json.dumps(entry["before"]) and "security" in json.dumps(entry["after"])
    run("permission", "set", "help@people.test", ADDRESS, "none")
    assert len(run("permission", "list", ADDRESS)["users"]) == 1
    assert "no permission" in run("permission", "set", "help@people.test", ADDRESS, "fly", refused=True)
    assert "everything already" in run("permission", "set", "boss@people.test", ADDRESS, "all", refused=True)
    run("permission", "set", "nobody@people.test", ADDRESS, "all", refused=True)
    run("permission", "set", "help@people.test", "nobody@example.test", "all", refused=True)


def test_permissions_go_with_the_address_and_the_user(run):
    o = "--organisation=Example"
    run("user", "add", "two@people.test", o, *(["--role=legal"] if not roles(run, "Example") else []))
    run("user", "add", "three@people.test", o)
    run("address", "add", "new@example.test")
    run("permission", "set", "three@people.test", "new@example.test", "send")
    run("address", "delete", "new@example.test")
    run("address", "add", "new@example.test")
    assert "three@people.test" not in json.dumps(run("permission", "list", "new@example.test"))
    run("permission", "set", "three@people.test", "new@example.test", "send")
    run("user", "delete", "three@people.test", o)
    run("user", "add", "three@people.test", o)
    assert "three@people.test" not in json.dumps(run("permission", "list", "new@example.test"))


def test_quota_of_the_offer_again(run):
    run("address", "quota", "user2@example.test", "1000")
    assert run("address", "show", "user2@example.test")["quota_bytes"] == 1000
    run("address", "quota", "user2@example.test", "-1")
    assert run("address", "show", "user2@example.test")["quota_bytes"] == 0


def test_locks_are_seen_and_lifted(tmp_path):
    from support.server import Server
    s = Server("--set", "auth_failures_max=3", "--set", "auth_delay=1ms", accounts=2)
    try:
        def answer(*words):
            return json.loads(s.run(*words, "--json", check=False).stdout)
        user, right = "user1@example.test", s.password("user1@example.test")
        assert answer("lock", "list")["locks"] == []
        with Pop3(s) as p:
            for n in range(3):
                p.ok(f"USER {user}")
                p.fails(f"PASS wrong{n}", b"[AUTH] ")
            p.ok(f"USER {user}")
            p.fails(f"PASS {right}", b"[SYS/TEMP] ")
        lock, = answer("lock", "list")["locks"]
        assert (lock["kind"], lock["user"], lock["ip"], lock["failures"]) == ("pair", user, "127.0.0.1", 3)
        assert not answer("lock", "lift", "user2@example.test")["ok"]
        assert answer("lock", "lift", user)["lifted"] == 1
        assert answer("lock", "list")["locks"] == []
        with Pop3(s, user=user) as p:
            p.ok("STAT")
        assert "wrong0" not in s.log()
    finally:
        s.close()


def test_offers_can_be_changed(run):
    def offer():
        return next(o for o in run("offer", "list")["offers"] if o["name"] == "premium")
    before = offer()
    run("offer", "set", "premium", "storage_bytes", "5000000")
    assert run("address", "show", "user3@example.test")["quota_bytes"] == 5000000
    run("offer", "set", "premium", "sieve", "0")
    assert offer() == {**before, "storage_bytes": 5000000, "sieve": False}
    for words in (("gold", "sieve", "1"), ("premium", "colour", "1"), ("premium", "sieve", "2"), ("premium", "restore_days", "-1")):
        run("offer", "set", *words, refused=True)
    run("offer", "set", "premium", "storage_bytes", "0")
    run("offer", "set", "premium", "sieve", "1")
    assert offer() == before


def complete(line):
    """What bash offers for the last word of a line."""
    script = (f'eval "$({BINARY} completion bash)"; COMP_WORDS=({line}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); '
              '_restante; echo "${COMPREPLY[@]}"')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize("line,words", [
    ("restante addr", ["address"]), ("restante address qu", ["quota"]), ("restante store c", ["check", "compact"]),
    ("restante user add x --or", ["--organisation"]), ("restante device add a --s", ["--send-only"]),
    ("restante status --", ["--json", "--data"]), ("restante perm", ["permission"])])
def test_completion(line, words):
    assert complete(line) == words


def test_completion_of_other_shells():
    assert subprocess.run([BINARY, "completion", "fish"], capture_output=True).returncode == 2


def test_manual_page():
    page = subprocess.run([BINARY, "man"], capture_output=True, text=True, check=True).stdout
    assert page.startswith(".TH RESTANTE 8") and ".B address quota" in page and "rebuild\\-index" in page
    for line in page.splitlines():
        assert not line.startswith("'") and (not line.startswith(".") or line.split()[0] in
                                             (".TH", ".SH", ".TP", ".B", ".I", ".br")), line
