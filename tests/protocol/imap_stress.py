# SPDX-License-Identifier: ISC
"""Clients that change the same folders at random and keep account of all they are told.

Each knows which UID every number means, and flags and MODSEQ of each message.  Whatever the server says must fit what
it said before, to the same client and to all others: a message has the same flags wherever it is seen with the same
MODSEQ.  Cut connections are resumed with QRESYNC, after which the client's memory must be the mailbox, exactly.
"""
import random
import re
import threading
import time

from imap_client import Imap, message
from imap_script import words_of_line

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "\\Draft", "$Work", "$Later")
NO_EXPUNGE = ("FETCH", "STORE", "SEARCH")


class Broken(AssertionError):
    pass


def numbers(text):
    """Of a sequence set."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition(":")
        found += range(int(first), int(last or first) + 1)
    return found


class Truth:
    """What any client was told, for all to agree with."""

    def __init__(self):
        self.lock, self.flags, self.commands, self.resyncs = threading.Lock(), {}, 0, 0

    def tell(self, validity, uid, modseq, flags):
        with self.lock:
            known = self.flags.setdefault((validity, uid, modseq), flags)
        if known != flags:
            raise Broken(f"UID {uid} MODSEQ {modseq}: {sorted(flags)}, elsewhere {sorted(known)}")


class Client:
    def __init__(self, server, user, truth, folders, seed):
        self.server, self.user, self.truth, self.folders = server, user, truth, folders
        self.rng, self.seed, self.count = random.Random(seed), seed, 0
        self.memory = {}  # folder: (validity, highest, {uid: (flags, modseq)})
        self.folder, self.log = None, []
        self.connect()

    # ---- what is told ----

    def connect(self):
        self.imap = Imap(self.server, user=self.user)
        self.imap.ok("ENABLE QRESYNC")
        self.folder = None

    def take(self, line, verb):
        words = words_of_line(line[2:])
        kind = words[1].upper() if len(words) > 1 and isinstance(words[1], str) else ""
        first = words[0].upper() if isinstance(words[0], str) else ""
        if kind == "EXISTS":
            if int(words[0]) < len(self.uids):
                raise Broken(f"{words[0]} EXISTS, but {len(self.uids)} are known")
            self.uids += [None] * (int(words[0]) - len(self.uids))
        elif kind == "RECENT" and int(words[0]) > len(self.uids):
            raise Broken(f"{words[0]} RECENT of {len(self.uids)}")
        elif kind == "EXPUNGE" or (first == "VANISHED" and kind != ""):
            if verb in NO_EXPUNGE:
                raise Broken(f"{line!r} in {verb}")
            if kind == "EXPUNGE":
                raise Broken("EXPUNGE though QRESYNC is enabled")
            self.vanish(numbers(words[1]))
        elif first == "VANISHED":
            self.vanish_earlier(numbers(words[2]))
        elif kind == "FETCH":
            self.fetch(int(words[0]), words[2])
        elif first == "OK" and (code := re.search(rb"\[(UIDVALIDITY|HIGHESTMODSEQ) (\d+)\]", line)):
            if code.group(1) == b"UIDVALIDITY":
                self.validity = int(code.group(2))
            else:
                self.highest = int(code.group(2))

    def vanish(self, uids):
        for uid in uids:
            if uid in self.uids:
                self.uids.remove(uid)
                self.messages.pop(uid, None)
            else:
                self.vanish_unknown(uid)

    def vanish_unknown(self, uid):
        """One whose number was not told yet: UIDs ascend, so it stands between the nearest that were."""
        before = max((n for n, other in enumerate(self.uids) if other is not None and other < uid), default=-1)
        after = min((n for n, other in enumerate(self.uids) if other is not None and other > uid), default=len(self.uids))
        if after - before < 2:
            raise Broken(f"VANISHED {uid}, which was not there")
        del self.uids[before + 1]
        self.messages.pop(uid, None)

    def vanish_earlier(self, uids):
        for uid in uids:
            self.messages.pop(uid, None)

    def fetch(self, n, items):
        told = {items[i].upper(): items[i + 1] for i in range(0, len(items), 2)}
        uid, modseq = int(told["UID"]), int(told["MODSEQ"][0])
        if not 1 <= n <= len(self.uids):
            raise Broken(f"FETCH of {n} of {len(self.uids)}")
        if self.uids[n - 1] not in (None, uid):
            raise Broken(f"{n} is UID {uid}, but was {self.uids[n - 1]}")
        self.uids[n - 1] = uid
        known = [u for u in self.uids if u is not None]
        if known != sorted(set(known)):
            raise Broken(f"UIDs out of order: {known}")
        before = self.messages.get(uid)
        if before and before[1] > modseq:
            raise Broken(f"UID {uid}: MODSEQ went back from {before[1]} to {modseq}")
        if "FLAGS" not in told:
            if before is None:
                return
            # A silent STORE: the flags are those the client asked for.
            flags = self.silent(before[0]) if self.silent else before[0]
        else:
            flags = frozenset(f.lower() for f in told["FLAGS"]) - {"\\recent"}
            self.truth.tell(self.validity, uid, modseq, flags)
        self.messages[uid] = (flags, modseq)

    # ---- what is sent ----

    def run(self, command, silent=None):
        words = command.split(" ")
        verb = words[0].upper()
        self.silent = silent
        self.log = self.log[-30:] + [command[:100]]
        untagged, last = self.imap.run(command)
        for line in untagged:
            self.log.append("  " + line[:120].decode("latin-1"))
            self.take(line, verb)
        self.truth.commands += 1
        if code := re.search(rb"\[HIGHESTMODSEQ (\d+)\]", last):
            self.highest = int(code.group(1))
        if last.startswith(b"BAD"):
            raise Broken(f"{command[:200]}: {last!r}")
        return untagged, last

    def learn(self):
        """Asks for what EXISTS announced."""
        while None in self.uids:
            first = self.uids.index(None) + 1
            _, last = self.run(f"FETCH {first}:{len(self.uids)} (UID FLAGS MODSEQ)")
            if None in self.uids:
                self.run("NOOP")

    def select(self, folder):
        self.keep()
        self.folder, self.uids, self.messages, self.highest = folder, [], {}, 0
        memory = self.memory.get(folder)
        if not memory:
            self.run(f"SELECT {folder}")
            self.learn()
            return
        validity, highest, messages = memory
        self.messages = dict(messages)
        self.run(f"SELECT {folder} (QRESYNC ({validity} {highest}))")
        # What is left of the memory and what is new are the mailbox, in order.
        for n, uid in enumerate(sorted(self.messages)):
            if n >= len(self.uids) or self.uids[n] not in (None, uid):
                raise Broken(f"resync: UID {uid} is remembered, the mailbox has {self.uids}")
            self.uids[n] = uid
        resynced = dict(self.messages)
        self.learn()
        self.verify(resynced)
        self.truth.resyncs += 1

    def verify(self, resynced):
        """A full look must find what the resync left, but for what changed since."""
        highest = self.highest
        self.run("UID FETCH 1:* (FLAGS MODSEQ)")
        for uid, (flags, modseq) in resynced.items():
            now = self.messages.get(uid)
            if now and now[1] <= highest and now != (flags, modseq):
                raise Broken(f"resync left UID {uid} {sorted(flags)} {modseq}, it is {now}")

    def keep(self):
        """What a client may trust next time: all it knows, as of the highest MODSEQ it was told of by then."""
        if self.folder and None not in self.uids and self.sure:
            self.memory[self.folder] = (self.validity, self.highest, dict(self.messages))

    def note_highest(self):
        """All up to the highest MODSEQ seen was told, once NOOP brings nothing that must be asked for.

        FETCH tells no expunge: a MODSEQ it brings may be above that of an expunge that is still untold.
        """
        self.run("NOOP")
        while None in self.uids:
            self.learn()
            self.run("NOOP")
        if self.messages:
            self.highest = max(self.highest, max(m for _, m in self.messages.values()))
        self.sure = True

    def some(self):
        first = self.rng.randint(1, len(self.uids))
        return first, min(len(self.uids), first + self.rng.randint(0, 4))

    def step(self):
        self.learn()
        self.sure = False
        self.count += 1
        what = self.rng.choices(
            ("append", "store", "uidstore", "conditional", "copy", "move", "expunge", "fetch", "search", "noop", "switch",
             "cut", "idle"), (14, 20, 10, 8, 6, 6, 6, 8, 6, 10, 4, 3, 4))[0]
        if not self.uids and what not in ("append", "noop", "switch", "cut", "idle"):
            what = "append"
        getattr(self, "do_" + what)()

    def do_append(self):
        many = self.rng.choice((1, 1, 3))
        text = message(f"{self.seed}-{self.count}").decode()
        flags = " ".join(self.rng.sample(FLAGS, 2))
        self.run(f"APPEND {self.rng.choice(self.folders)}" + f" ({flags}) {{{len(text)}+}}\r\n{text}" * many)

    def change(self):
        flags = self.rng.sample(FLAGS + ("\\Deleted",), self.rng.randint(1, 3))
        op = self.rng.choice(("+", "-", ""))
        asked = {f.lower() for f in flags}
        effect = {"+": lambda old: frozenset(old | asked), "-": lambda old: frozenset(old - asked),
                  "": lambda old: frozenset(asked)}[op]
        silent = self.rng.random() < 0.4
        return f"{op}FLAGS{'.SILENT' if silent else ''} ({' '.join(flags)})", effect if silent else None

    def do_store(self):
        first, last = self.some()
        text, silent = self.change()
        self.run(f"STORE {first}:{last} {text}", silent)

    def do_uidstore(self):
        first, last = (self.uids[n - 1] for n in self.some())
        text, silent = self.change()
        self.run(f"UID STORE {first}:{last} {text}", silent)

    def do_conditional(self):
        first, last = self.some()
        since = max(self.messages[self.uids[n - 1]][1] for n in range(first, last + 1))
        text, silent = self.change()
        _, reply = self.run(f"STORE {first}:{last} (UNCHANGEDSINCE {since}) {text}", silent)
        if not reply.startswith(b"OK"):
            raise Broken(repr(reply))

    def do_copy(self):
        first, last = (self.uids[n - 1] for n in self.some())
        self.run(f"UID COPY {first}:{last} {self.rng.choice(self.folders)}")

    def do_move(self):
        first, last = (self.uids[n - 1] for n in self.some())
        self.run(f"UID MOVE {first}:{last} {self.rng.choice(self.folders)}")

    def do_expunge(self):
        self.run("EXPUNGE")

    def do_fetch(self):
        first, last = self.some()
        self.run(f"FETCH {first}:{last} (UID FLAGS MODSEQ)")

    def do_search(self):
        lines, _ = self.run(self.rng.choice(("SEARCH ALL", "SEARCH SEEN", "UID SEARCH FLAGGED", "SEARCH MODSEQ 1")))
        if not any(line.startswith(b"* SEARCH") for line in lines):
            raise Broken(f"no SEARCH in {lines}")

    def do_noop(self):
        self.note_highest()

    def do_switch(self):
        self.note_highest()
        self.select(self.rng.choice(self.folders))

    def do_cut(self):
        """The connection breaks; what was known before is all that is left."""
        self.note_highest()
        folder = self.folder
        self.keep()
        if self.rng.random() < 0.5:
            self.imap.send("x1 UID STORE 1:* +FLAGS.SILENT (\\Seen)\r\n")
        self.imap.__exit__()
        self.connect()
        self.select(folder)

    def do_idle(self):
        tag = f"i{self.count}"
        self.silent = None
        self.imap.send(f"{tag} IDLE\r\n")
        while not (line := self.imap.line()).startswith(b"+"):
            self.take(line, "IDLE")
        time.sleep(self.rng.random() * 0.02)
        self.imap.send("DONE\r\n")
        for line in self.imap.until(tag)[0]:
            self.take(line, "IDLE")


def shown(client):
    return "\n".join(client.log[-40:])


def stress(server, user, clients, seconds, seed=1, folders=("INBOX", "Shared1", "Shared2")):
    """Returns (commands, resyncs); Broken with the last lines of the client that saw it."""
    truth, failures, stop = Truth(), [], time.monotonic() + seconds
    with Imap(server, user=user) as c:
        for folder in folders[1:]:
            c.run(f"CREATE {folder}")

    def work(n):
        client = None
        try:
            client = Client(server, user, truth, folders, seed * 1000 + n)
            client.sure = False
            client.select(folders[n % len(folders)])
            while time.monotonic() < stop and not failures:
                client.step()
        except Exception as e:  # told by the caller
            failures.append((n, e, shown(client) if client else ""))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        n, e, log = failures[0]
        raise Broken(f"client {n}: {e!r}\n{log}") from e
    check_end(server, user, truth, folders)
    return truth.commands, truth.resyncs


def check_end(server, user, truth, folders):
    """Two new sessions see the same, with what was told before."""
    seen = []
    for n in range(2):
        client = Client(server, user, truth, folders, n)
        client.sure = False
        seen.append({})
        for folder in folders:
            client.select(folder)
            client.note_highest()
            seen[-1][folder] = dict(client.messages)
    if seen[0] != seen[1]:
        raise Broken("two sessions see different mailboxes")
