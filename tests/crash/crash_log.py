# SPDX-License-Identifier: ISC
"""The recording of one run: made empty here, filled by recorder.c, read back as events.

A moment is a value of the shared counter `seq`.  An event took place between its start and its
end; end is None if the process died in between.  See reclog.h for the layout.
"""
import bisect
import mmap
import os
import struct

MAGIC = 0x474F4C4853415243
RECORD = 0x31434552
HEAD = struct.Struct("<6Q")
REC = struct.Struct("<IHHQQqQQQQIIIIQQ")
PAGE = 4096

(MODULE, OPEN, WRITE, SEEK, READ, TRUNCATE, ALLOCATE, RENAME, LINK, UNLINK, MKDIR, RMDIR, SYNC,
 SYNC_ALL, RANGE, SEND, UNSEEN, SYMLINK) = range(1, 19)

WRITE_AT, WRITE_ZERO, WRITE_SYNC = 1, 2, 4


class Event:
    __slots__ = ("type", "start", "end", "result", "handle", "a", "b", "c", "pid", "frames",
                 "path", "path2", "_log", "_data")

    def data(self):
        """The bytes written, as many as the call took."""
        if self.type == WRITE and self.b & WRITE_ZERO:
            return bytes(max(self.result, 0))
        at, length = self._data
        return self._log[at:at + (length if self.type != WRITE else max(self.result, 0))]


class Recording:
    """`path` is the log file; `modules` maps a process to its loaded objects."""

    def __init__(self, path, size=1 << 30):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(size)
            f.write(HEAD.pack(MAGIC, size, PAGE, 1, 0, 0))
        self._open()

    def _open(self):
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.events, self.modules = [], {}

    def now(self):
        """The present moment: whatever ended before it has a smaller number."""
        return struct.unpack_from("<Q", self.map, 24)[0]

    def environment(self, root, shim):
        """What a program must be started with to be recorded."""
        return {"LD_PRELOAD": shim, "CRASH_LOG": self.path, "CRASH_ROOT": root}

    def load(self):
        """Reads all events, sorted by start."""
        _, size, tail, _, _, overflow = HEAD.unpack_from(self.map, 0)
        if overflow:
            raise RuntimeError("the recording is full; make it larger")
        at, events = PAGE, []
        while at < tail:
            event, length = self._event(at)
            if event is None:
                at += 16  # its process died before the record was whole
                continue
            at += length
            if event.type == MODULE:
                self.modules.setdefault(event.pid, []).append((event.a, event.path))
            else:
                events.append(event)
        self.events = sorted(events, key=lambda e: e.start)
        unseen = sorted({(e.path, e.path2) for e in events if e.type == UNSEEN})
        if unseen:
            raise RuntimeError(f"changes the recorder cannot follow: {unseen}")
        return self.events

    def _event(self, at):
        (magic, kind, nframes, start, end, result, handle, a, b, c, pid, length, path_len,
         path2_len, data_len, _) = REC.unpack_from(self.map, at)
        if magic != RECORD:
            return None, 0
        e = Event()
        e.type, e.start, e.end, e.result, e.handle = kind, start, end or None, result, handle
        e.a, e.b, e.c, e.pid = a, b, c, pid
        p = at + REC.size
        e.frames = struct.unpack_from(f"<{nframes}Q", self.map, p)
        p += 8 * nframes
        e.path = self.map[p:p + path_len].decode("utf-8", "surrogateescape")
        p += path_len
        e.path2 = self.map[p:p + path2_len].decode("utf-8", "surrogateescape")
        e._log, e._data = self.map, (p + path2_len, data_len)
        if e.end is None and kind == WRITE:
            e.result = c  # cut off: as much as was asked may have arrived
        return e, length

    def close(self):
        self.map.close()
        os.unlink(self.path)


class Replies:
    """Finds the moment a reply left the server, from what the client read and when."""

    def __init__(self, events):
        self.sent = [(e.start, e.data()) for e in events if e.type == SEND]
        self.starts = [s for s, _ in self.sent]

    def moment(self, text, begun, noted):
        """The last send of `text` (bytes) in the span; `noted` if the recorder saw none."""
        i = bisect.bisect_left(self.starts, noted)
        while i > 0 and self.starts[i - 1] >= begun:
            i -= 1
            if text in self.sent[i][1]:
                return self.starts[i]
        return noted

    def first_moment(self, text, begun, noted):
        """The first send of a text that is unique, such as a tagged reply."""
        i = bisect.bisect_left(self.starts, begun)
        while i < len(self.starts) and self.starts[i] <= noted:
            if text in self.sent[i][1]:
                return self.starts[i]
            i += 1
        return noted
