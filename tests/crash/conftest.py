# SPDX-License-Identifier: ISC
"""Fixtures of the crash tests; crash_build.program() says which server is tested."""
import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from crash_build import is_instrumented, program  # noqa: E402


@pytest.fixture(scope="session")
def server_binary():
    path = program()
    if not os.path.exists(path):
        pytest.skip(f"no server at {path}: run script/build, or set RESTANTE_BIN")
    if is_instrumented(path):
        pytest.skip(f"{path} has AddressSanitizer inside, which no shim can be loaded before")
    return path


@pytest.fixture(scope="session")
def power_run(server_binary):
    """The one recorded run that power loss and missing syncs are tried on."""
    from crash_power import Run
    run = Run(steps=int(os.environ.get("CRASH_STEPS", "40")))
    yield run
    run.close()
