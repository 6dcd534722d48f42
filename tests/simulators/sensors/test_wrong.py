"""Each fault of a sensor does what its name says and changes nothing else."""

from typing import Any

import numpy as np
import pytest

from simulators.sensors.wrong import Spells
from tests.support.signals import signal, times

WHEN = times(4, 10)


def with_fault(kind: str, **parameters: object) -> tuple[Any, Any, Any]:
    fault = signal("temperature", faults=({"kind": kind, **parameters},))
    is_in = fault.spells(WHEN)[0] if isinstance(fault, Spells) else None
    return signal("temperature").at(WHEN), fault.at(WHEN), is_in


def stretches(flags: Any) -> int:
    return int((np.diff(np.concatenate([[0], flags.astype(np.int8)])) == 1).sum())


def test_a_stuck_sensor_repeats_the_value_that_it_had() -> None:
    true, given, is_in = with_fault("stuck", every_h=12, for_s=1_800)
    assert stretches(is_in) == 8
    assert is_in.sum() == pytest.approx(8 * 180, abs=8)
    assert (given[~is_in] == true[~is_in]).all()
    first = np.flatnonzero(np.diff(is_in.astype(np.int8)) == 1)[0] + 1
    assert len(set(given[first : first + 180].tolist())) == 1
    assert len(set(true[first : first + 180].tolist())) > 20


def test_a_drifting_sensor_wanders_off_at_its_pace_and_comes_back() -> None:
    true, given, is_in = with_fault("drift", every_h=24, for_s=36_000, per_h=2.0)
    off = given - true
    assert (off[~is_in] == 0).all()
    assert off.max() == pytest.approx(20.0, abs=0.05)
    first = np.flatnonzero(np.diff(is_in.astype(np.int8)) == 1)[0] + 1
    assert off[first + 1_800] == pytest.approx(10.0, abs=0.05)


def test_spikes_are_single_readings_far_off_both_ways() -> None:
    true, given, _ = with_fault("spike", share=0.01, height=50.0)
    off = (given - true)[given != true]
    assert len(off) == pytest.approx(len(true) * 0.01, rel=0.2)
    assert abs(off).min() > 30.0
    assert (off > 0).any()
    assert (off < 0).any()


def test_a_drop_out_makes_no_readings() -> None:
    fault = signal("door", faults=({"kind": "dropout", "every_h": 6, "for_s": 900},))
    made = fault.made(WHEN)
    assert stretches(~made) == 16
    assert (~made).sum() == pytest.approx(16 * 90, abs=16)
    assert (fault.at(WHEN) == signal("door").at(WHEN)).all()


def test_values_that_are_no_numbers_come_at_their_share() -> None:
    true, given, _ = with_fault("nan", share=0.02)
    bad = np.isnan(given)
    assert bad.mean() == pytest.approx(0.02, rel=0.2)
    assert (given[~bad] == true[~bad]).all()


def test_two_faults_of_one_kind_have_spells_of_their_own() -> None:
    fault = signal("temperature", faults=({"kind": "dropout", "every_h": 12}, {"kind": "dropout", "every_h": 12}))
    assert stretches(~fault.made(WHEN)) > 8
    assert fault.declared().name == "it"


def test_every_fault_gives_the_same_however_the_times_are_cut() -> None:
    faults = tuple({"kind": kind} for kind in ("stuck", "drift", "spike", "dropout", "nan"))
    fault = signal("temperature", faults=faults)
    cut = np.concatenate([fault.at(part) for part in np.array_split(WHEN, 977)])
    np.testing.assert_array_equal(cut, fault.at(WHEN))
