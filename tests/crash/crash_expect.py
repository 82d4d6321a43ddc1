# SPDX-License-Identifier: ISC
"""What each account must hold at a moment, from the operations clients began and saw answered.

One client works on an account by IMAP, one operation at a time; deliveries come from anywhere.
So at any moment at most one IMAP operation is open: the account is as before it or as after it,
never between.  An open delivery is there or not.
"""
import threading

STANDARD = ("INBOX", "Sent", "Drafts", "Trash", "Spam", "Archive")


class Operation:
    """kind and its arguments; begun, done: moments (done is None while open)."""
    __slots__ = ("kind", "folder", "tokens", "target", "flags", "adds", "uids", "begun", "done",
                 "reply")

    def __init__(self, kind, begun, folder="INBOX", tokens=(), target=None, flags=frozenset(),
                 adds=True):
        self.kind, self.begun, self.folder, self.tokens = kind, begun, folder, list(tokens)
        self.target, self.flags, self.adds = target, frozenset(flags), adds
        self.uids, self.done, self.reply = {}, None, None

    def __repr__(self):
        return f"{self.kind} {self.folder} {self.tokens} {self.target or ''}"


class Entry:
    __slots__ = ("flags", "uid", "delivered")

    def __init__(self, flags, uid, delivered):
        self.flags, self.uid, self.delivered = frozenset(flags), uid, delivered


def put_in(folders, name, token, entry):
    folders.setdefault(name, {})[token] = entry


def take_implied(folders, name, token):
    """A client that worked on a message saw it: it is there, whether its sender knows or not."""
    return folders.setdefault(name, {}).setdefault(token, Entry((), None, True))


def apply(folders, op):
    """Changes folders (name -> token -> Entry) as the operation does."""
    if op.kind == "deliver":
        for token in op.tokens:
            take_implied(folders, op.folder, token)
    elif op.kind == "seen":
        for token in op.tokens:
            entry = take_implied(folders, op.folder, token)
            entry.uid = op.uids.get(token, entry.uid)
    elif op.kind == "append":
        put_in(folders, op.folder, op.tokens[0],
               Entry(op.flags, op.uids.get(op.tokens[0]), False))
    elif op.kind in ("copy", "move"):
        for token in op.tokens:
            entry = take_implied(folders, op.folder, token)
            put_in(folders, op.target, token,
                   Entry(entry.flags, op.uids.get(token), entry.delivered))
            if op.kind == "move":
                del folders[op.folder][token]
    elif op.kind == "store":
        for token in op.tokens:
            entry = take_implied(folders, op.folder, token)
            entry.flags = entry.flags | op.flags if op.adds else entry.flags - op.flags
    elif op.kind == "expunge":
        for token in op.tokens:
            folders.get(op.folder, {}).pop(token, None)
    elif op.kind == "create":
        folders.setdefault(op.folder, {})
    elif op.kind == "delete":
        folders.pop(op.folder, None)


class Account:
    """The history of one account."""

    def __init__(self, address):
        self.address = address
        self.operations = []
        self.lock = threading.Lock()
        self.validity = {}  # folder -> (UIDVALIDITY, the moment a client first knew it)
        self.seen_uid = []  # (moment, folder, uid): numbers a client was told

    def begin(self, op):
        with self.lock:
            self.operations.append(op)
        return op

    def withdraw(self, op):
        """The operation turned out not to have happened."""
        with self.lock:
            self.operations.remove(op)

    def at(self, moment=float("inf"), until=None, late=False):
        """(folders for sure, tokens that may be there, open IMAP operation or None).

        What was answered before `moment` took place, what began before `until` may have.  late:
        what was accepted may still be in the queue, its shard having been away.
        """
        until = moment if until is None else until
        folders = {name: {} for name in STANDARD}
        maybe, still_open = set(), None
        with self.lock:
            operations = sorted(self.operations, key=lambda op: op.begun)
        gone = set()
        for op in operations:
            if op.begun >= until:
                continue
            answered = op.done is not None and op.done < moment
            if answered and not (late and op.kind == "deliver"):
                if op.kind not in ("deliver", "seen") or not gone & set(op.tokens):
                    apply(folders, op)
                if op.kind in ("expunge", "move") and op.folder == "INBOX":
                    gone.update(op.tokens)
            elif op.kind == "deliver":
                maybe.update(op.tokens)
            elif op.kind != "seen":
                still_open = op
        maybe -= gone | set(folders["INBOX"])
        return folders, maybe, still_open

    def last_uid(self, folder, moment):
        return max((u for m, f, u in self.seen_uid if f == folder and m < moment), default=0)

    def faults(self, actual, moment=float("inf"), until=None, late=False):
        """What is wrong with what was read back (folder -> crash_read.Folder) between both."""
        folders, maybe, still_open = self.at(moment, until, late)
        wrong = self._compare(folders, maybe, actual, moment)
        if wrong and still_open is not None:
            before = wrong
            folders, maybe, _ = self.at(moment, until, late)
            apply(folders, still_open)
            maybe -= set(still_open.tokens)
            wrong = self._compare(folders, maybe, actual, moment)
            if wrong:
                wrong = [f"neither before nor after {still_open}:"] + before + ["or"] + wrong
        return [f"{self.address}: {w}" for w in wrong]

    def _compare(self, folders, maybe, actual, moment):
        wrong = [f"folder {n} is gone" for n in folders if n not in actual]
        wrong += [f"folder {n} was never made" for n in actual if n not in folders]
        for name in folders.keys() & actual.keys():
            may = maybe if name == "INBOX" else set()
            wrong += [f"{name}: {w}" for w in
                      compare_folder(folders[name], may, actual[name])]
            known, told_at = self.validity.get(name, (None, moment))
            if told_at < moment and known != actual[name].validity:
                wrong.append(f"{name}: UIDVALIDITY {known} became {actual[name].validity}")
            told = self.last_uid(name, moment)
            if actual[name].uidnext <= told:
                wrong.append(f"{name}: UIDNEXT {actual[name].uidnext} after UID {told} was told")
        return wrong


def compare_folder(expected, maybe, actual):
    wrong = list(actual.faults)
    for token, entry in expected.items():
        found = actual.messages.get(token, [])
        if len(found) != 1:
            wrong.append(f"{token} is there {len(found)} times")
            continue
        uid, flags = found[0]
        if entry.uid is not None and uid != entry.uid:
            wrong.append(f"{token} had UID {entry.uid}, has {uid}")
        if flags != entry.flags:
            wrong.append(f"{token} had flags {sorted(entry.flags)}, has {sorted(flags)}")
    for token, found in actual.messages.items():
        if token not in expected and (token not in maybe or len(found) != 1):
            wrong.append(f"{token} is there {len(found)} times without a reason")
    return wrong
