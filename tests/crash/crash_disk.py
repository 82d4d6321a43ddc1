# SPDX-License-Identifier: ISC
"""A disk with a volatile cache, fed with recorded events, and what may be left of it.

Contents: a write is pending until a sync that began after it ended has returned.  What the disk
holds of pending writes is decided by 512-byte sector: each sector is in the state after some
number of the writes that touched it, as a page cache would have written it back.

Names: a change of a directory is pending until the directory was synced.  The two halves of a
rename stay or go together.  With `names="ext4"` pending changes survive as a prefix in their
order, and a sync of a file makes its own name durable; `names="strict"` promises nothing more
than POSIX: any of the changes may be missing.
"""
import os
import random

from crash_log import (ALLOCATE, LINK, MKDIR, OPEN, READ, RENAME, RMDIR, SEEK, SYMLINK, SYNC,
                       SYNC_ALL, TRUNCATE, UNLINK, WRITE, WRITE_AT, WRITE_SYNC)

SECTOR = 512
CHUNK = 1 << 16
ZEROS = bytes(CHUNK)
FALLOC_KEEP_SIZE, FALLOC_PUNCH, FALLOC_ZERO = 1, 2, 16

POLICIES = ("drop", "keep", "random", "torn", "stale")


class Op:
    """One pending change of a file: bytes at an offset, or a new size (data is None)."""
    __slots__ = ("offset", "data", "size", "end")

    def __init__(self, offset, data, end, size=None):
        self.offset, self.data, self.end, self.size = offset, data, end, size

    def apply(self, content):
        if self.data is None:
            if self.size < len(content):
                del content[self.size:]
            else:
                content.extend(bytes(self.size - len(content)))
            return
        stop = self.offset + len(self.data)
        if stop > len(content):
            content.extend(bytes(stop - len(content)))
        content[self.offset:stop] = self.data

    def span(self, size_before):
        """The bytes whose sectors this changes."""
        if self.data is None:
            return min(self.size, size_before), max(self.size, size_before)
        return self.offset, self.offset + len(self.data)


class Inode:
    def __init__(self, mode=None):
        self.durable = bytearray()
        self.pending = []
        self.size = 0       # as programs see it
        self.mode = mode

    def change(self, op):
        self.pending.append(op)
        self.size = op.size if op.data is None else max(self.size, op.offset + len(op.data))

    def sync(self, moment):
        """Makes durable what ended before `moment`."""
        left = []
        for op in self.pending:
            if op.end is not None and op.end < moment:
                op.apply(self.durable)
            else:
                left.append(op)
        self.pending = left

    def sync_one(self, op):
        """A write that is durable on return, with the older ones of the same sectors."""
        first, last = op.offset // SECTOR, (op.offset + len(op.data) - 1) // SECTOR
        for other in list(self.pending):
            lo, hi = other.span(len(self.durable))
            if other is op or (lo // SECTOR <= last and hi // SECTOR >= first):
                other.apply(self.durable)
                self.pending.remove(other)
            if other is op:
                return

    def left(self, policy, rng):
        """The content a disk may hold now."""
        if policy == "drop" or not self.pending:
            return self.durable
        if policy == "keep":
            content = bytearray(self.durable)
            for op in self.pending:
                op.apply(content)
            return content
        return self._left_by_sector(policy, rng)

    def _left_by_sector(self, policy, rng):
        live, kept = bytearray(self.durable), {}
        sizes = [len(live)]
        for op in self.pending:
            whole = rng.random() < 0.5
            lo, hi = op.span(len(live))
            op.apply(live)
            for sector in range(lo // SECTOR, (hi + SECTOR - 1) // SECTOR):
                if whole if policy == "random" else rng.random() < 0.5:
                    kept[sector] = bytes(live[sector * SECTOR:(sector + 1) * SECTOR])
            if whole or policy != "random":
                sizes.append(len(live))
        size = sizes[-1] if policy == "random" else rng.choice(sizes)
        content = bytearray(self.durable[:size])
        if size > len(content):
            fill = rng.randbytes if policy == "stale" else bytes
            content.extend(fill(size - len(content)))
        for sector, data in kept.items():
            at = sector * SECTOR
            if at < size:
                data = data[:size - at]
                content[at:at + len(data)] = data
        return content


class Directory:
    def __init__(self, mode=None):
        self.live = {}
        self.durable = {}
        self.mode = mode


class Link:
    """A symbolic link."""

    def __init__(self, target):
        self.target = target


class Change:
    """Names set or taken away at once: [(directory, name, node or None)]."""
    __slots__ = ("parts", "start", "end")

    def __init__(self, parts, start, end):
        self.parts, self.start, self.end = parts, start, end


class Handle:
    __slots__ = ("node", "offset", "append", "sync")

    def __init__(self, node, append, sync):
        self.node, self.offset, self.append, self.sync = node, 0, append, sync


class Disk:
    """`advance(moment)` feeds events; `materialise()` writes a tree as it may be then.

    keeps_sync(event) -> bool decides which syncs count; a test takes some out.
    """

    def __init__(self, base, events, keeps_sync=lambda event: True):
        self.root = self._snapshot(base) if base else Directory()
        self.changes = []
        self.handles = {}
        self.keeps_sync = keeps_sync
        self.moments = sorted(
            [(e.start, 0, i) for i, e in enumerate(events)] +
            [(e.end, 1, i) for i, e in enumerate(events) if e.end is not None])
        self.events, self.at, self.ops = events, 0, {}
        self.do = {OPEN: self._open, WRITE: self._write, SEEK: self._seek, READ: self._read,
                   TRUNCATE: self._truncate, ALLOCATE: self._allocate, RENAME: self._rename,
                   LINK: self._link, UNLINK: self._unlink, RMDIR: self._unlink,
                   MKDIR: self._mkdir, SYMLINK: self._symlink}

    def _snapshot(self, path):
        st = os.lstat(path)
        if os.path.islink(path):
            return Link(os.readlink(path))
        if not os.path.isdir(path):
            node = Inode((st.st_mode & 0o7777, st.st_uid, st.st_gid))
            with open(path, "rb") as f:
                node.durable = bytearray(f.read())
            node.size = len(node.durable)
            return node
        node = Directory((st.st_mode & 0o7777, st.st_uid, st.st_gid))
        for name in os.listdir(path):
            full = os.path.join(path, name)
            if not name.endswith("-shm") and (os.path.isdir(full) or os.path.isfile(full)
                                               or os.path.islink(full)):
                node.live[name] = node.durable[name] = self._snapshot(full)
        return node

    def advance(self, moment):
        """Takes in everything that began before `moment`."""
        while self.at < len(self.moments) and self.moments[self.at][0] < moment:
            _, is_end, i = self.moments[self.at]
            e = self.events[i]
            self.at += 1
            if e.result < 0:
                continue
            if not is_end and e.type in self.do:
                self.do[e.type](e)
            elif is_end and e.type in (SYNC, SYNC_ALL) and self.keeps_sync(e):
                self._sync(e)
            elif is_end and e.type == WRITE and id(e) in self.ops:
                node, op = self.ops.pop(id(e))
                node.sync_one(op)

    # names

    def _walk(self, path):
        """(directory, name) of a path below the root."""
        node, parts = self.root, path.split("/")
        for part in parts[:-1]:
            node = node.live[part]
        return node, parts[-1]

    def find(self, path):
        if path == "":
            return self.root
        directory, name = self._walk(path)
        return directory.live.get(name)

    def _change(self, e, *parts):
        for directory, name, node in parts:
            if node is None:
                directory.live.pop(name, None)
            else:
                directory.live[name] = node
        self.changes.append(Change(parts, e.start, e.end))

    def _open(self, e):
        if e.a & os.O_TMPFILE == os.O_TMPFILE:
            node = Inode()
        else:
            node = self.find(e.path)
            if node is None:
                if not e.a & os.O_CREAT:
                    raise RuntimeError(f"{e.path} was opened but never made")
                node = Inode()
                self._change(e, (*self._walk(e.path), node))
            elif e.a & os.O_TRUNC and node.size:
                node.change(Op(0, None, e.end, 0))
        self.handles[e.handle] = Handle(node, bool(e.a & os.O_APPEND), bool(e.a & os.O_DSYNC))

    def _mkdir(self, e):
        self._change(e, (*self._walk(e.path), Directory()))

    def _symlink(self, e):
        self._change(e, (*self._walk(e.path), Link(e.path2)))

    def _unlink(self, e):
        self._change(e, (*self._walk(e.path), None))

    def _rename(self, e):
        node, other = self.find(e.path), self.find(e.path2)
        swaps = e.c & 2  # RENAME_EXCHANGE
        if node is other:
            return
        self._change(e, (*self._walk(e.path), other if swaps else None),
                     (*self._walk(e.path2), node))

    def _link(self, e):
        node = self.handles[e.handle].node if e.handle else self.find(e.path)
        self._change(e, (*self._walk(e.path2), node))

    # contents

    def _write(self, e):
        h = self.handles[e.handle]
        if h.append:
            offset = h.node.size
        else:
            offset = e.a if e.b & WRITE_AT else h.offset
        data = e.data()
        if not e.b & WRITE_AT:
            h.offset = offset + len(data)
        if data:
            op = Op(offset, data, e.end)
            h.node.change(op)
            if h.sync or e.b & WRITE_SYNC:
                self.ops[id(e)] = (h.node, op)

    def _seek(self, e):
        self.handles[e.handle].offset = e.result

    def _read(self, e):
        self.handles[e.handle].offset += e.result

    def _truncate(self, e):
        node = self.handles[e.handle].node if e.handle else self.find(e.path)
        node.change(Op(0, None, e.end, e.a))

    def _allocate(self, e):
        node, stop = self.handles[e.handle].node, e.a + e.b
        if e.c & (FALLOC_PUNCH | FALLOC_ZERO):
            stop = min(stop, node.size)
            if stop > e.a:
                node.change(Op(e.a, bytes(stop - e.a), e.end))
            stop = e.a + e.b
        if not e.c & (FALLOC_KEEP_SIZE | FALLOC_PUNCH) and stop > node.size:
            node.change(Op(0, None, e.end, stop))

    # durability

    def _sync(self, e):
        if e.type == SYNC_ALL:
            for node in self._all_nodes(self.root):
                if isinstance(node, Inode):
                    node.sync(e.start)
            self._settle(lambda change: change.end is not None and change.end < e.start)
            return
        node = self.handles[e.handle].node
        if isinstance(node, Inode):
            node.sync(e.start)
            self.on_file_sync(node, e)
        else:
            self._settle(lambda change: change.end is not None and change.end < e.start and
                         any(part[0] is node for part in change.parts))

    names = "strict"

    def on_file_sync(self, node, e):
        """ext4 commits the creation of a file together with its first fsync."""
        if self.names != "ext4":
            return
        last = max((i for i, c in enumerate(self.changes) if c.end is not None and
                    c.end < e.start and any(part[2] is node for part in c.parts)), default=-1)
        early = set(map(id, self.changes[:last + 1]))
        self._settle(lambda change: id(change) in early and change.end is not None and
                     change.end < e.start)

    def _settle(self, is_durable):
        left = []
        for change in self.changes:
            if is_durable(change):
                self._put(change, lambda directory: directory.durable)
            else:
                left.append(change)
        self.changes = left

    @staticmethod
    def _put(change, entries_of):
        for directory, name, node in change.parts:
            if node is None:
                entries_of(directory).pop(name, None)
            else:
                entries_of(directory)[name] = node

    def _all_nodes(self, node):
        yield node
        if isinstance(node, Directory):
            for child in list(node.live.values()):
                yield from self._all_nodes(child)

    # what is left

    def materialise(self, target, policy, seed, modes=None):
        """Writes to `target` (made here) a tree as a disk may hold it.

        modes: path -> (mode, uid, gid) for what was made during the recording.
        """
        rng = random.Random(seed)
        entries = {}

        def entries_of(directory):
            if id(directory) not in entries:
                entries[id(directory)] = dict(directory.durable)
            return entries[id(directory)]

        for change in self._kept_changes(policy, rng):
            self._put(change, entries_of)
        self._write_tree(self.root, target, "", entries_of, policy, rng, modes or {})

    def _kept_changes(self, policy, rng):
        if policy == "drop":
            return []
        if policy == "keep":
            return self.changes
        if self.names == "ext4":
            return self.changes[:rng.randint(0, len(self.changes))]
        return [change for change in self.changes if rng.random() < 0.5]

    def _write_tree(self, node, target, path, entries_of, policy, rng, modes):
        if isinstance(node, Link):
            os.symlink(node.target, target)
            return
        if isinstance(node, Inode):
            write_sparse(target, node.left(policy, rng))
        else:
            os.mkdir(target)
            for name, child in sorted(entries_of(node).items()):
                self._write_tree(child, os.path.join(target, name),
                                 f"{path}/{name}" if path else name, entries_of, policy, rng,
                                 modes)
        mode = node.mode or modes.get(path)
        if mode:
            os.chmod(target, mode[0])
            if os.geteuid() == 0:
                os.chown(target, mode[1], mode[2])


def write_sparse(path, content):
    """Writes a file, leaving out its long runs of zeros."""
    view = memoryview(content)
    with open(path, "wb", buffering=0) as f:
        for at in range(0, len(view), CHUNK):
            part = view[at:at + CHUNK]
            if part != ZEROS[:len(part)]:
                os.pwrite(f.fileno(), part, at)
        f.truncate(len(view))


def tree_modes(root):
    """path -> (mode, uid, gid) of everything below root."""
    found = {}
    for directory, _, names in os.walk(root):
        for full in [directory] + [os.path.join(directory, n) for n in names]:
            st = os.lstat(full)
            found[os.path.relpath(full, root)] = (st.st_mode & 0o7777, st.st_uid, st.st_gid)
    return found


def differences(left, right):
    """Names below either root whose contents differ; what is written through memory is left out."""
    found = []
    for a, b in ((left, right), (right, left)):
        for directory, _, names in os.walk(a):
            for name in names:
                full = os.path.join(directory, name)
                rel = os.path.relpath(full, a)
                if not name.endswith(("-shm", "progress")) and os.path.isfile(full) \
                        and not same_content(full, os.path.join(b, rel)):
                    found.append(rel)
    return sorted(set(found))


def same_content(a, b):
    try:
        with open(a, "rb") as f, open(b, "rb") as g:
            return f.read() == g.read()
    except FileNotFoundError:
        return False
