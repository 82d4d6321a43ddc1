# SPDX-License-Identifier: ISC
"""A client that works step by step until told to stop."""
import random
import threading
import time

from crash_client import Gone, Refused


class Worker(threading.Thread):
    """Runs step() until told to stop or `limit` times.

    resilient: a lost connection is made again (the server is being killed); else it is an error.
    """

    def __init__(self, history, server, seed, resilient=False, limit=None, pause_s=0):
        super().__init__(daemon=True)
        self.history, self.server, self.rng = history, server, random.Random(seed)
        self.resilient, self.limit, self.steps = resilient, limit, 0
        self.pause_s = pause_s
        self.ended = threading.Event()
        self.session = None

    def run(self):
        try:
            while not self.ended.is_set() and (self.limit is None or self.steps < self.limit):
                self.patiently(self.step)
                self.steps += 1
                time.sleep(self.pause_s)
            self.patiently(self.finish)
        except Exception as e:  # reported by the test, which sees no other thread's exceptions
            self.history.errors.append(f"{type(self).__name__}: {type(e).__name__}: {e}")
            if not isinstance(e, (Gone, Refused, AssertionError)):
                raise
        finally:
            self.drop()

    def patiently(self, step):
        deadline = time.monotonic() + 60
        while True:
            try:
                if self.session is None:
                    self.session = self.connect()
                return step()
            except (Gone, Refused) as e:
                if not self.resilient or time.monotonic() > deadline:
                    raise
                if isinstance(e, Gone):
                    self.drop()
                time.sleep(0.02)

    def drop(self):
        if self.session is not None:
            self.session.close()
        self.session = None

    def finish(self):
        """What a lost connection left open is settled before the end."""
