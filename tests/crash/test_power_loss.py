# SPDX-License-Identifier: ISC
"""Loss of power at many moments: what was answered is there, once, byte for byte.

CRASH_CUTS sets how many moments are tried (100; script/crash tries 1,000).
"""
import os

import pytest

from crash_power import Trials, recovery_results, slow_starts, summary

CUTS = int(os.environ.get("CRASH_CUTS", "100"))


def faults(results):
    return [f"{r.cut}: {w}" for r in results for w in r.wrong][:20]


def test_the_recording_is_whole(power_run):
    assert power_run.unexplained() == []


@pytest.mark.parametrize("names,share", [("strict", 2), ("ext4", 2)])
def test_nothing_promised_is_lost(power_run, names, share):
    results = Trials(power_run, names).results(power_run.cuts(CUTS // share, seed=names))
    print(f"power loss, {names} names: {summary(results)}")
    assert faults(results) == []
    assert len(results) == CUTS // share
    assert len(slow_starts(results)) <= len(results) // 50


def test_a_first_start_cut_off_is_made_good(power_run):
    results = Trials(power_run).results(power_run.early_cuts(max(4, CUTS // 20)))
    print(f"power loss during the first start: {summary(results)}")
    assert faults(results) == []


def test_a_recovery_cut_off_loses_nothing(power_run):
    results = []
    for cut in power_run.cuts(max(3, CUTS // 50), seed="again"):
        results += recovery_results(power_run, cut, 4)
    print(f"power loss during recovery: {summary(results)}")
    assert faults(results) == []
