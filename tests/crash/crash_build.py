# SPDX-License-Identifier: ISC
"""Where the shims and the sample are: in the build directory, or compiled here without it."""
import os
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TRACK = ["track.c", "track_open.c", "track_exec.c"]
PARTS = {
    "crash-recorder.so": ["recorder.c", "recorder_data.c", "recorder_send.c", "reclog.c"] + TRACK,
    "crash-faults.so": ["faults.c"] + TRACK,
    "crash-killer.so": ["killer.c"],
    "crash-sample-store": ["sample_store.c"],
}
FLAGS = ["-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter",
         "-U_FORTIFY_SOURCE", "-U_FILE_OFFSET_BITS"]

_made = {}
_scratch = tempfile.TemporaryDirectory(prefix="crash-build-")


def root():
    return os.path.dirname(os.path.dirname(HERE))


def program():
    """The server under test: RESTANTE_PLAIN_BIN (script/test has two), RESTANTE_BIN, or what
    script/build leaves."""
    return os.environ.get("RESTANTE_PLAIN_BIN") or os.environ.get("RESTANTE_BIN") or \
        os.path.join(root(), "build", "restante")


def part(name):
    """The path of a shim or of the sample store."""
    built = os.path.join(root(), "build", "tests", "crash", name)
    sources = [os.path.join(HERE, s) for s in PARTS[name]]
    newest = max(os.path.getmtime(s) for s in sources)
    if os.path.exists(built) and os.path.getmtime(built) >= newest:
        return built
    if name not in _made:
        _made[name] = os.path.join(_scratch.name, name)
        kind = ["-shared", "-fPIC", "-fvisibility=hidden"] if name.endswith(".so") else []
        libs = [] if name.endswith(".so") else ["-lsqlite3"]
        subprocess.run([os.environ.get("CC", "cc"), *FLAGS, *kind, "-o", _made[name], *sources,
                        *libs, "-ldl", "-pthread"], check=True)
    return _made[name]


def is_instrumented(path):
    """Built with AddressSanitizer: it must be loaded first, so no shim can be."""
    with open(path, "rb") as f:
        return b"__asan_init" in f.read()
