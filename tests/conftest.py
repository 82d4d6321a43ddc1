# SPDX-License-Identifier: ISC
"""Fixtures of all end-to-end tests."""
import pytest

from support.server import SUITES, Server


@pytest.fixture(scope="session")
def server():
    """The server most tests share: 20 accounts user1..user20@example.test besides alice and bob."""
    s = Server()
    yield s
    s.close()


@pytest.fixture
def make_server():
    """A server of the test's own: make_server("--set", "smtp_command_timeout=200ms")."""
    made = []

    def make(*options, **named):
        made.append(Server(*options, **named))
        return made[-1]

    yield make
    for s in made:
        s.close()


@pytest.fixture(scope="session")
def suites():
    if not SUITES.is_dir():
        pytest.skip(f"no public test suites at {SUITES} (RESTANTE_SUITES)")
    return SUITES
