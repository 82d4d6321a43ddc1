# SPDX-License-Identifier: ISC
"""Mixed load, and the history it leaves: what was begun, what was answered, and when."""
import itertools
import random
import re
import time

from crash_client import Imap, Refused, Smtp, flags_of, quoted
from crash_directory import Administrator, directory_faults, read_facts
from crash_expect import Account, Operation
from crash_mail import message, token_of
from crash_read import count, read_account
from crash_worker import Worker

FLAGS = ("\\Seen", "\\Flagged", "\\Answered", "$Crash")
SENDER = "sender@client.example.test"


class History:
    """All accounts and the clock.  moment(): the present, in whatever unit the test uses."""

    def __init__(self, addresses, moment):
        self.accounts = {a: Account(a) for a in addresses}
        self.changes = []  # of the directory: crash_directory.Change
        self.moment = moment
        self.tokens = itertools.count()
        self.tags = itertools.count()
        self.refusals = []
        self.errors = []

    def new_token(self, kind):
        return f"{kind}{next(self.tokens):06d}"

    def settle(self, replies):
        """Moves each answer to the moment it left the server (crash_log.Replies)."""
        for account in self.accounts.values():
            for op in account.operations:
                if op.done is not None and op.reply is not None:
                    find = replies.moment if op.kind == "deliver" else replies.first_moment
                    op.done = find(op.reply, op.begun, op.done)

    def promises(self):
        """The moments at which something was promised."""
        return sorted({op.done for a in self.accounts.values() for op in a.operations
                       if op.done is not None and op.kind != "seen"} |
                      {c.done for c in self.changes if c.done is not None})


def read_all(history, server, patience_s=20):
    """(faults of all accounts, messages) once the queue had time to deliver what it took over."""
    deadline = time.monotonic() + patience_s
    while True:
        read = {a: read_account(server, a) for a in history.accounts}
        wrong = [w for a, account in history.accounts.items() for w in account.faults(read[a])]
        wrong += directory_faults(history.changes, read_facts(server.data))
        if not wrong or time.monotonic() > deadline:
            return wrong[:20], sum(count(r) for r in read.values())
        time.sleep(0.1)


class Deliverer(Worker):
    """Sends to one, two or three accounts; a message whose 250 did not come is sent again."""

    open = None

    def connect(self):
        return Smtp(self.server.host, self.server.ports["smtp"])

    def begin(self):
        token = self.history.new_token("d")
        to = self.rng.sample(sorted(self.history.accounts), self.rng.choice([1, 1, 2, 3]))
        begun = self.history.moment()
        operations = [self.history.accounts[a].begin(Operation("deliver", begun, tokens=[token]))
                      for a in to]
        self.open = token, to, operations

    def step(self):
        if self.open is None:
            self.begin()
        self.finish()

    def finish(self):
        if self.open is None:
            return
        token, to, operations = self.open
        try:
            reply = self.session.deliver(SENDER, to, message(token))
        except Refused as e:
            self.refused(str(e))
            return
        moment = self.history.moment()
        for op in operations:
            op.done, op.reply = moment, reply
        self.open = None

    def refused(self, reply):
        """4xx: again later; for the recipients that have it already, it must not double."""
        self.history.refusals.append((time.monotonic(), reply))
        if not reply.startswith("4") or not self.resilient:
            raise Refused(reply)
        time.sleep(0.05)


class Reader(Worker):
    """The one IMAP client of an account: all that changes a mailbox."""

    def __init__(self, history, server, seed, address, **kwargs):
        super().__init__(history, server, seed, **kwargs)
        self.account = history.accounts[address]
        self.selected, self.known = None, {}
        self.open = None

    def connect(self):
        imap = Imap(self.server.host, self.server.ports["imap"], self.account.address,
                    self.server.password(self.account.address), self.history.tags)
        self.selected = None
        try:
            if self.open is not None:
                self.settle_open()
        except BaseException:
            imap.close()
            raise
        return imap

    def settle_open(self):
        """The connection was lost within a command: it took place whole, or not at all."""
        op, moment = self.open, self.history.moment()
        actual = read_account(self.server, self.account.address)
        until = self.history.moment()
        wrong = self.account.faults(actual, moment, until, late=True)
        if wrong:
            raise AssertionError(f"after a lost connection: {wrong}")
        self.account.withdraw(op)
        if self.account.faults(actual, moment, until, late=True):
            self.account.begin(op)
            op.done = self.history.moment()
            folder = actual.get(op.target or op.folder)
            for token in op.tokens:
                found = folder.messages.get(token) if folder else None
                if found:
                    op.uids[token] = found[0][0]
        self.open = None

    def do(self, op, command, *literals):
        """Runs a command that changes the account."""
        self.open = self.account.begin(op)
        try:
            text, untagged = self.session.run(command, *literals)
        except Refused as e:
            self.account.withdraw(op)
            self.open = None
            self.history.refusals.append((time.monotonic(), str(e)))
            if not self.resilient:
                raise
            return None, []
        op.reply = self.session.tag + b" OK"
        self.note_uids(op, text + b"\n" + b"\n".join(r.text for r in untagged))
        op.done = self.history.moment()
        self.open = None
        return text, untagged

    def note_uids(self, op, text):
        """APPENDUID and COPYUID: numbers the client may rely on from now on."""
        m = re.search(rb"\[APPENDUID (\d+) (\d+)\]", text)
        if m:
            op.uids[op.tokens[0]] = int(m.group(2))
        m = re.search(rb"\[COPYUID (\d+) (\S+) (\S+)\]", text)
        if m:
            source, target = expand(m.group(2)), expand(m.group(3))
            by_uid = {uid: t for t, uid in self.known.items()}
            for a, b in zip(source, target):
                op.uids[by_uid[a]] = b
        where = op.target or op.folder
        for uid in op.uids.values():
            self.account.seen_uid.append((self.history.moment(), where, uid))

    def look(self, folder):
        """Selects a folder and learns its messages: token -> uid."""
        self.selected = None  # a failed SELECT leaves nothing selected
        validity, _ = self.session.select(folder)
        self.account.validity.setdefault(folder, (validity, self.history.moment()))
        self.selected = folder
        items = b"UID FLAGS BODY.PEEK[HEADER.FIELDS (X-Crash-Token)]"
        self.known = {}
        for uid, _, data in self.session.messages(items):
            self.known[token_of(data)] = uid
        moment = self.history.moment()
        seen = Operation("seen", moment, folder=folder, tokens=list(self.known))
        seen.uids, seen.done = dict(self.known), moment
        if folder == "INBOX" and self.known:
            self.account.begin(seen)
        for uid in self.known.values():
            self.account.seen_uid.append((moment, folder, uid))

    def own_folders(self):
        folders, _, _ = self.account.at()
        return sorted(folders)

    def step(self):
        act = self.rng.choices(
            [self.append, self.copy, self.move, self.store, self.expunge, self.create],
            [6, 4, 3, 4, 2, 1])[0]
        act()

    def pick(self, limit=4):
        """Some messages of a folder just looked at."""
        if self.selected is None or self.rng.random() < 0.3:
            self.look(self.rng.choice(["INBOX", self.rng.choice(self.own_folders())]))
        tokens = sorted(self.known)
        return self.rng.sample(tokens, min(len(tokens), self.rng.randint(1, limit)))

    def uid_set(self, tokens):
        return b",".join(b"%d" % self.known[t] for t in tokens)

    def append(self):
        folder, token = self.rng.choice(self.own_folders()), self.history.new_token("a")
        flags = self.rng.sample(FLAGS, self.rng.randint(0, 2))
        op = Operation("append", self.history.moment(), folder, [token],
                       flags=flags_of(" ".join(flags).encode()))
        self.do(op, b"APPEND %s (%s)" % (quoted(folder), " ".join(flags).encode()),
                message(token))

    def target(self, tokens):
        """A folder none of the messages is in yet."""
        folders, maybe, _ = self.account.at()
        free = [f for f in folders if f not in ("INBOX", self.selected)
                and not set(tokens) & set(folders[f])]
        return self.rng.choice(sorted(free)) if free else None

    def copy(self, kind="copy", verb=b"COPY"):
        tokens = self.pick()
        target = self.target(tokens)
        if not tokens or target is None:
            return
        op = Operation(kind, self.history.moment(), self.selected, tokens, target)
        self.do(op, b"UID %s %s %s" % (verb, self.uid_set(tokens), quoted(target)))

    def move(self):
        self.copy("move", b"MOVE")
        if self.selected is not None:
            self.look(self.selected)

    def store(self):
        tokens = self.pick(20)
        if not tokens:
            return
        flags, adds = self.rng.sample(FLAGS, 1), self.rng.random() < 0.7
        op = Operation("store", self.history.moment(), self.selected, tokens,
                       flags=flags_of(flags[0].encode()), adds=adds)
        self.do(op, b"UID STORE %s %s (%s)" % (self.uid_set(tokens), b"+FLAGS" if adds
                                               else b"-FLAGS", flags[0].encode()))

    def expunge(self):
        tokens = self.pick(3)
        if not tokens:
            return
        op = Operation("store", self.history.moment(), self.selected, tokens,
                       flags=flags_of(b"\\Deleted"))
        if self.do(op, b"UID STORE %s +FLAGS (\\Deleted)" % self.uid_set(tokens))[0] is None:
            return
        op = Operation("expunge", self.history.moment(), self.selected, self.deleted())
        self.do(op, b"EXPUNGE")
        self.look(self.selected)

    def deleted(self):
        """All that an EXPUNGE takes away, whoever marked it."""
        folders, _, _ = self.account.at()
        return [t for t, e in folders[self.selected].items() if "\\deleted" in e.flags]

    def create(self):
        name = f"Folder-{self.history.new_token('f')}"
        self.do(Operation("create", self.history.moment(), name), b"CREATE %s" % quoted(name))


def expand(text):
    """A UID set of COPYUID as a list."""
    found = []
    for part in text.split(b","):
        lo, _, hi = part.partition(b":")
        found += range(int(lo), int(hi or lo) + 1)
    return found


def workers(history, server, deliverers, seed=1, **kwargs):
    """One reader for every other account, so many deliverers, an administrator; started."""
    made = [Deliverer(history, server, f"{seed}-d{i}", **kwargs) for i in range(deliverers)]
    made += [Reader(history, server, f"{seed}-r{i}", address, **kwargs)
             for i, address in enumerate(sorted(history.accounts)) if i % 2 == 0]
    made.append(Administrator(history, server, f"{seed}-a", **kwargs))
    for w in made:
        w.start()
    return made


def finish(running, patience=120):
    """Ends the load after each worker's present step; worker errors are the caller's to read."""
    for w in running:
        if w.limit is None:
            w.ended.set()
    for w in running:
        w.join(patience)
        if w.is_alive():
            w.history.errors.append(f"{type(w).__name__} hangs")
