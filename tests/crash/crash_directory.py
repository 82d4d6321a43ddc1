# SPDX-License-Identifier: ISC
"""Changes of the directory under load, and what must be left of them: each is one fact more or
less, there before the answer is."""
import json
import socket

from crash_client import Gone, Refused
from crash_worker import Worker

SERVICE = "example.test"


class Control:
    """The control socket: a JSON object a line."""

    def __init__(self, data):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(30)
        try:
            self.sock.connect(f"{data}/run/control.sock")
        except OSError as e:
            self.sock.close()
            raise Gone(str(e)) from e
        self.file = self.sock.makefile("rwb")

    def ask(self, command, **arguments):
        try:
            self.file.write(json.dumps({"command": command, "arguments": arguments}).encode() +
                            b"\n")
            self.file.flush()
            line = self.file.readline()
        except OSError as e:
            raise Gone(str(e)) from e
        if not line.endswith(b"\n"):
            raise Gone("closed")
        answer = json.loads(line)
        if not answer["ok"]:
            raise Refused(f"NO {answer}")
        return answer

    def close(self):
        try:
            self.file.close()
        except OSError:
            pass
        self.sock.close()


class Change:
    __slots__ = ("fact", "adds", "begun", "done")

    def __init__(self, fact, adds, begun):
        self.fact, self.adds, self.begun, self.done = fact, adds, begun, None


class Administrator(Worker):
    """Makes addresses, devices and aliases, and takes devices and aliases away again.

    Whether a change whose answer was lost took place stays open: nobody relies on it.
    """

    def __init__(self, history, server, seed, **kwargs):
        super().__init__(history, server, seed, **kwargs)
        self.changes = history.changes
        self.numbers = 0

    def connect(self):
        return Control(self.server.data)

    def facts(self, kind):
        found = set()
        for c in self.changes:
            if c.done is not None and c.fact[0] == kind:
                (found.add if c.adds else found.discard)(c.fact)
        return sorted(found)

    def do(self, fact, adds, command, **arguments):
        change = Change(fact, adds, self.history.moment())
        self.changes.append(change)
        try:
            self.session.ask(command, **arguments)
        except Refused:
            self.changes.remove(change)
            raise
        change.done = self.history.moment()

    def step(self):
        self.numbers += 1
        name, addresses = f"made{self.numbers}", self.facts("address")
        devices, aliases = self.facts("device"), self.facts("alias")
        act = self.rng.choice(("address", "device", "alias", "less"))
        if act == "address" or not addresses:
            address = f"{name}@{SERVICE}"
            self.do(("address", address), True, "address add", address=address)
        elif act == "device":
            address = self.rng.choice(addresses)[1]
            self.do(("device", address, name), True, "device add", address=address, name=name)
        elif act == "alias":
            address = self.rng.choice(addresses)[1]
            self.do(("alias", address, f"{name}@{SERVICE}"), True, "alias add",
                    alias=f"{name}@{SERVICE}", address=address)
        elif aliases and (not devices or self.rng.random() < 0.5):
            fact = self.rng.choice(aliases)
            self.do(fact, False, "alias delete", alias=fact[2])
        elif devices:
            self.take_device(self.rng.choice(devices))

    def take_device(self, fact):
        for d in self.session.ask("device list", address=fact[1])["devices"]:
            if d["name"] == fact[2]:
                self.do(fact, False, "device revoke", address=fact[1], device=d["device"])


def read_facts(data):
    """All facts of a running server about the addresses of Administrator."""
    control, found = Control(data), set()
    try:
        for row in control.ask("address list", service=SERVICE)["addresses"]:
            if not row["address"].startswith("made") or row["kind"] != "real":
                continue
            address = row["address"]
            found.add(("address", address))
            shown = control.ask("address show", address=address)
            found.update(("device", address, d["name"]) for d in shown["devices"])
            found.update(("alias", address, a["address"]) for a in shown["aliases"])
    finally:
        control.close()
    return found


def directory_faults(changes, found, moment=float("inf")):
    """What is wrong with the facts read from a server that was cut off at moment."""
    sure, may = set(), set()
    for c in changes:
        if c.begun >= moment:
            break
        if c.done is not None and c.done < moment:
            (sure.add if c.adds else sure.discard)(c.fact)
        else:
            may.add(c.fact)
    return [f"directory: {f} is gone" for f in sorted(sure - found - may)] + \
        [f"directory: {f} without a reason" for f in sorted(found - sure - may)]
