# SPDX-License-Identifier: ISC
"""The switch of faults.c: which changes of which files fail, and with what error."""
import mmap
import os
import struct

from crash_build import part

WRITE, SYNC, SIZE, CREATE, SHORT = 1, 2, 4, 8, 16
LAYOUT = struct.Struct("<4I256s")


class Faults:
    """A switch in a file that the server maps at its start."""

    def __init__(self, path):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(mmap.PAGESIZE)
        os.chmod(path, 0o666)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)

    def environment(self, root):
        return {"LD_PRELOAD": part("crash-faults.so"), "CRASH_FAULTS": self.path,
                "CRASH_ROOT": root}

    def begin(self, error, kinds, *match):
        """match: parts of file names below the root; without any, all files."""
        LAYOUT.pack_into(self.map, 0, 0, error, kinds, 0, "|".join(match).encode())
        struct.pack_into("<I", self.map, 0, 1)

    def end(self):
        """How often a change was made to fail since begin()."""
        struct.pack_into("<I", self.map, 0, 0)
        return LAYOUT.unpack_from(self.map, 0)[3]

    def close(self):
        self.map.close()
        os.unlink(self.path)
