# SPDX-License-Identifier: ISC
"""The harness against a store small enough to see through: it must find every missing sync, and
nothing where none is missing."""
import os
import random
import shutil

import pytest

import crash_sample
from crash_build import part
from crash_disk import Disk, differences, tree_modes
from crash_log import Recording, Replies
from crash_sites import Sites

CUTS = int(os.environ.get("CRASH_SAMPLE_CUTS", "40"))


class Run:
    """One recorded run of the sample store."""

    def __init__(self, scratch, without=""):
        self.scratch = scratch
        self.sock = os.path.join(scratch, "s")
        data = os.path.join(scratch, "data")
        os.mkdir(data)
        self.recording = Recording(os.path.join(scratch, "log"), 1 << 26)
        env = self.recording.environment(data, part("crash-recorder.so"))
        env["SAMPLE_WITHOUT"] = without
        sample = crash_sample.Sample(data, self.sock, env)
        acks = crash_sample.load(sample, self.recording)
        sample.stop()
        self.data = data
        events = self.recording.load()
        replies = Replies(events)
        self.acks = [(name, replies.first_moment(b"OK %s\n" % name.encode(), begun, noted))
                     for name, begun, noted in acks]
        self.modes = tree_modes(data)

    def disk(self, **kwargs):
        return Disk(None, self.recording.events, **kwargs)

    def check(self, disk, cut, policy):
        """Faults of the state the disk may be in at the cut."""
        tree = os.path.join(self.scratch, "tree")
        disk.advance(cut)
        disk.materialise(tree, policy, cut, self.modes)
        try:
            sample = crash_sample.Sample(tree, self.sock)
        except OSError:
            return ["does not start"]
        else:
            try:
                found = sample.all()
            except RuntimeError as e:
                return [str(e)]
            finally:
                sample.stop()
        finally:
            shutil.rmtree(tree)
        promised = [name for name, moment in self.acks if moment < cut]
        return crash_sample.faults(found, promised)

    def faults(self, policies=("drop", "random", "torn", "stale", "keep"), **kwargs):
        """The first cut point whose state is wrong, or None."""
        disk, rng = self.disk(**kwargs), random.Random(1)
        moments = sorted(m + 1 for m in rng.sample([m for _, m in self.acks], CUTS))
        for i, cut in enumerate(moments):
            wrong = self.check(disk, cut, policies[i % len(policies)])
            if wrong:
                return cut, wrong[:3]
        return None

    def close(self):
        self.recording.close()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = Run(str(tmp_path_factory.mktemp("sample")))
    yield run
    run.close()


def test_the_recording_rebuilds_what_is_on_disk(run, tmp_path):
    disk = run.disk()
    disk.advance(run.recording.now())
    disk.materialise(str(tmp_path / "tree"), "keep", 0, run.modes)
    assert differences(run.data, str(tmp_path / "tree")) == []
    assert len(run.acks) == 160


@pytest.mark.parametrize("names", ["strict", "ext4"])
def test_a_sound_store_loses_nothing(run, names, monkeypatch):
    monkeypatch.setattr(Disk, "names", names)
    assert run.faults() is None


def test_each_sync_taken_out_is_found(run):
    sites = Sites(run.recording, part("crash-sample-store"), depth=3)
    counts = sites.counts()
    assert {s[0] for s in counts} >= {"segments/N.seg", "segments", "index.db-wal", "index.db"}
    missed = []
    for site, count in sorted(counts.items()):
        found = run.faults(policies=("drop", "random"),
                           keeps_sync=lambda e, site=site: sites.of(e) != site)
        print(f"{site[0]:20} {count:5} syncs at {site[1]}: {found}")
        if found is None:
            missed.append(site)
    # What only making the store again would miss happens before anything is promised.
    assert [m for m in missed if "open_store" not in m[1]] == []


@pytest.mark.parametrize("without", ["segment", "directory", "commit", "order"])
def test_each_promise_left_out_of_the_code_is_found(tmp_path, without):
    run = Run(str(tmp_path), without)
    try:
        assert run.faults() is not None
    finally:
        run.close()
