# SPDX-License-Identifier: ISC
"""Each sync of the code is needed: taken out of the recording, one place at a time, something
promised is lost at some cut point.

CRASH_SYNC_CUTS sets how many moments are tried for one place (12).
"""
import os

import pytest

from crash_build import program
from crash_power import Trials, missing_sync_cuts
from crash_sites import Sites

# Syncs that SQLite makes at a checkpoint besides the one of the database: our commits have synced
# the log before (src/sql), and its directory is synced when the shard is made.
SQLITE_OWN = {("shard-N", "sql_checkpointer_run"), ("shard-N/index.db-wal", "sql_checkpointer_run")}

CUTS = int(os.environ.get("CRASH_SYNC_CUTS", "12"))


@pytest.fixture(scope="module")
def sites(power_run):
    return Sites(power_run.recording, program())


def is_found(run, sites, site):
    """A line about the first fault without the syncs of this site, or None."""
    events = [e for e in sites.syncs if sites.of(e) == site]
    cuts = missing_sync_cuts(run, events, run.history.promises(), CUTS)
    trials = Trials(run, keeps_sync=lambda e: sites.of(e) != site)
    for result in trials.results(cuts, stop_at_first=True):
        if result.wrong:
            return f"{result.cut}: {result.wrong[0][:100]}"
    return None


def test_each_sync_taken_out_is_found(power_run, sites):
    late = {sites.of(e) for e in sites.syncs if power_run.ready < e.start < power_run.loaded}
    assert late, "the load made nothing durable"
    missed = []
    for site in sorted(late):
        found = is_found(power_run, sites, site)
        print(f"{site[0]:32} {sites.counts()[site]:5} syncs  {site[1]}\n    -> {found}")
        if found is None and (site[0], site[1].split()[0]) not in SQLITE_OWN:
            missed.append(site)
    assert missed == []
