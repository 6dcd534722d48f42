"""Batteries run down and are charged, load takes voltage in steps, a meter only counts up but for its known resets."""

import numpy as np
import pytest

from simulators.sensors import plan_of
from simulators.sensors.power import Energy
from tests.support.signals import signal, times


def test_a_battery_falls_to_its_low_mark_and_is_charged_again_every_cycle() -> None:
    charge = signal("battery", discharge_h=20.0, charge_h=4.0, low=12.0).at(times(10, 60))
    assert charge.max() >= 99.0
    assert 12.0 <= charge.min() < 15.0
    steps = np.diff(charge)
    assert (steps > 0).sum() == pytest.approx(10 * 4 * 60, rel=0.1)
    assert steps.min() > -2.0  # at the very end of a discharge what the wandering left falls away


@pytest.mark.parametrize("seed", range(5))
def test_a_charge_that_falls_never_turns_back_and_falls_unevenly(seed: int) -> None:
    charge = signal("battery", seed=seed, digits=6).at(times(1, 10))
    falls = np.diff(charge)
    falling = falls[falls < 0.001]
    assert (falling <= 0).all()
    assert falling.min() < 1.3 * falling.mean()


def test_voltage_follows_the_charge_and_drops_by_steps_under_load() -> None:
    tables = [{"name": "charge", "kind": "battery"}, {"name": "voltage", "kind": "voltage", "noise": 0, "step_s": 30}]
    sensor = plan_of(tables).sensor(1, "d")
    charge, voltage = (sensor.column(name, times(3, 10)).values for name in ("charge", "voltage"))
    assert np.corrcoef(charge, voltage)[0, 1] > 0.8
    drops = abs(np.diff(voltage))
    assert {round(float(drop), 2) for drop in drops if drop > 0.03} >= {0.06, 0.17, 0.24}
    assert (drops.reshape(-1)[:-2].size, bool((drops[0::3] < 0.03).all() or (drops[1::3] < 0.03).all())) == (drops.size - 2, True)


@pytest.mark.parametrize("seed", range(5))
def test_a_meter_never_turns_back_and_counts_its_mean(seed: int) -> None:
    energy = signal("energy", seed=seed, mean_w=600.0, reset_days=3_000.0).at(times(30, 300))
    assert energy.dtype == np.int64
    assert (np.diff(energy) >= 0).all()
    assert (energy[-1] - energy[0]) / (30 * 24) == pytest.approx(600.0, rel=0.02)


def test_a_meter_begins_at_nought_at_resets_that_are_known() -> None:
    energy = signal("energy", reset_days=2.0)
    assert isinstance(energy, Energy)
    when = times(10, 60)
    back = np.flatnonzero(np.diff(energy.at(when)) < 0)
    resets = np.unique(energy.reset_us(when))[1:]
    assert len(back) == 5
    assert [int(when[at] < reset <= when[at + 1]) for at, reset in zip(back, resets, strict=True)] == [1] * 5
    assert energy.at(resets).tolist() == [0] * 5


def test_power_is_what_makes_the_meter_turn() -> None:
    tables = [{"name": "energy", "kind": "energy", "mean_w": 900.0}, {"name": "power", "kind": "power", "noise": 0}]
    sensor = plan_of(tables).sensor(1, "d")
    when = times(2, 1)
    energy, power = (sensor.column(name, when).values for name in ("energy", "power"))
    assert power.min() > 0
    assert power.max() > 2 * power.min()
    assert power.sum() / 3_600 == pytest.approx(energy[-1] - energy[0], abs=3)
