# SPDX-License-Identifier: ISC
"""Reads an account back by IMAP, every byte of it."""
import itertools

from crash_client import Imap
from crash_mail import fault_of, token_of

_counter = itertools.count()


class Folder:
    """messages: token -> [(uid, flags)]; faults: contents that are not what was sent."""

    def __init__(self, validity, uidnext):
        self.validity, self.uidnext, self.messages, self.faults = validity, uidnext, {}, []

    def add(self, uid, flags, data):
        token = token_of(data or b"")
        fault = fault_of(data or b"", delivered=bool(token) and token.startswith("d"))
        if fault is not None:
            self.faults.append(f"UID {uid}: {fault}")
        if token is not None:
            self.messages.setdefault(token, []).append((uid, flags))


def read_folder(imap, name):
    validity, uidnext = imap.select(name, b"EXAMINE")
    folder = Folder(validity, uidnext)
    for uid, flags, data in imap.messages():
        folder.add(uid, flags, data)
    return folder


def read_account(server, address):
    """folder name -> Folder of a running server."""
    imap = Imap(server.host, server.ports["imap"], address, server.password(address), _counter,
                "check")
    try:
        return {name: read_folder(imap, name) for name in imap.folders()}
    finally:
        imap.close()


def count(account):
    """How many messages were read."""
    return sum(len(found) for f in account.values() for found in f.messages.values())
