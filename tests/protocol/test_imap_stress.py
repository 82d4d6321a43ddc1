# SPDX-License-Identifier: ISC
"""The short form of script/soak imap."""
import os

import pytest

from imap_stress import Broken, Client, Truth, stress

SECONDS, CLIENTS = (int(os.environ.get(name, default)) for name, default in (("STRESS_SECONDS", "8"), ("STRESS_CLIENTS", "8")))


@pytest.fixture
def host():
    from support.server import Server
    s = Server(accounts=1)
    yield s
    s.close()


def test_clients_agree(host):
    commands, resyncs = stress(host, "user1@example.test", CLIENTS, SECONDS, seed=int(os.environ.get("STRESS_SEED", "1")))
    print(f"{commands} commands, {resyncs} resyncs")
    assert commands > 20 * SECONDS and resyncs > 0


# ---- the account that clients keep ----

@pytest.fixture
def client():
    """As after SELECT of a folder with UIDs 3, 5, 9."""
    c = Client.__new__(Client)
    c.truth, c.uids, c.messages, c.validity, c.highest, c.silent = Truth(), [], {}, 1, 0, None
    for line in ("3 EXISTS", "1 FETCH (UID 3 FLAGS () MODSEQ (10))", "2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (11))",
                 "3 FETCH (UID 9 FLAGS (\\Recent $x) MODSEQ (12))"):
        c.take(b"* " + line.encode(), "SELECT")
    assert c.messages == {3: (frozenset(), 10), 5: (frozenset({"\\seen"}), 11), 9: (frozenset({"$x"}), 12)}
    return c


@pytest.mark.parametrize("line,verb", [
    ("2 EXISTS", "NOOP"), ("4 FETCH (UID 10 FLAGS () MODSEQ (13))", "NOOP"), ("1 FETCH (UID 5 FLAGS () MODSEQ (13))", "NOOP"),
    ("1 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (10))", "NOOP"), ("1 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (9))", "NOOP"),
    ("1 EXPUNGE", "NOOP"), ("VANISHED 4", "NOOP"), ("VANISHED 3", "FETCH")])
def test_what_does_not_fit_is_seen(client, line, verb):
    with pytest.raises(Broken):
        client.take(b"* " + line.encode(), verb)


def test_what_fits(client):
    client.take(b"* VANISHED 3,9", "NOOP")
    client.take(b"* 1 FETCH (UID 5 FLAGS (\\Draft) MODSEQ (20))", "STORE")
    client.silent = lambda old: old | {"$y"}
    client.take(b"* 1 FETCH (UID 5 MODSEQ (21))", "STORE")
    assert client.uids == [5] and client.messages == {5: (frozenset({"\\draft", "$y"}), 21)}
