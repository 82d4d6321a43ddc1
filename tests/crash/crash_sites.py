# SPDX-License-Identifier: ISC
"""Which place of the program asked for a sync: the call in its code, and the kind of file."""
import os
import re
import subprocess

from crash_log import SYNC, SYNC_ALL


def file_class(path):
    """shard-0/segments/00000012.seg -> shard-N/segments/N.seg; the root is "."."""
    return re.sub(r"[0-9a-f]{8,}|\d+", "N", path) or "."


class Sites:
    """Names the call sites of one recording of `program`."""

    def __init__(self, recording, program, depth=1):
        """depth: how many functions make a site, the innermost first."""
        self.program, self.depth = os.path.realpath(program), depth
        self.bases = {}
        for pid, modules in recording.modules.items():
            spans = sorted((base, os.path.realpath(path)) for base, path in modules)
            self.bases[pid] = spans
        self.syncs = [e for e in recording.events if e.type in (SYNC, SYNC_ALL)]
        self.names = self._resolve({a for e in self.syncs for a in self._own_frames(e)})
        self.site = {id(e): self._site(e) for e in self.syncs}

    def _own_frames(self, event):
        """Addresses inside the program, innermost first, as offsets into its file."""
        found = []
        for frame in event.frames:
            below = [m for m in self.bases.get(event.pid, []) if m[0] <= frame]
            if below and below[-1][1] == self.program:
                found.append(frame - below[-1][0] - 1)
        return found

    def _resolve(self, offsets):
        """offset -> ["function file:line", ...], inlined callers included."""
        if not offsets:
            return {}
        order = sorted(offsets)
        out = subprocess.run(["addr2line", "-a", "-f", "-i", "-s", "-e", self.program] +
                             [hex(o) for o in order], capture_output=True, text=True, check=True)
        names, current = {}, None
        lines = iter(out.stdout.splitlines())
        for line in lines:
            if line.startswith("0x"):
                current_at = int(line, 16)
                current = names.setdefault(current_at, [])
            else:
                place = next(lines).split(" ")[0]
                where = hex(current_at) if place.startswith("?") else place
                current.append(f"{line} {where}")
        return names

    def _site(self, event):
        functions = [n for a in self._own_frames(event) for n in self.names.get(a, ["?"])]
        return file_class(event.path), " < ".join(functions[:self.depth])

    def of(self, event):
        return self.site[id(event)]

    def counts(self):
        """site -> how often it synced."""
        found = {}
        for site in self.site.values():
            found[site] = found.get(site, 0) + 1
        return found
