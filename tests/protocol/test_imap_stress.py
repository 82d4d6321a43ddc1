# SPDX-License-Identifier: ISC
"""The short form of script/soak imap."""
import os

import pytest

from imap_stress import stress

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
