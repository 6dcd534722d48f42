"""The spectrum of a motor's vibration has its shaft and harmonics in it, and the blows of the bearing grow with its age."""

from typing import Any

import numpy as np
import pytest

from simulators.sensors.machine import Vibration
from simulators.sensors.noise import DAY_US
from tests.support.signals import BEGIN_US, signal


def burst(vibration: Vibration, start_us: int, samples: int = 8_000) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return vibration.at(start_us + np.arange(samples) * 250).astype(np.float64)  # 4 kHz, 2 s


def made(**parameters: Any) -> Vibration:
    vibration = signal("vibration", **parameters)
    assert isinstance(vibration, Vibration)
    return vibration


def test_the_shaft_and_its_harmonics_stand_out_of_the_noise() -> None:
    spectrum = abs(np.fft.rfft(burst(made(rpm=1_500.0, level=1.0, fault=0.0), BEGIN_US))) / 4_000
    assert [float(spectrum[hz * 2]) for hz in (25, 50, 75)] == pytest.approx([1.0, 0.45, 0.2], abs=0.02)
    assert np.delete(spectrum, [50, 100, 150]).max() < 0.05


def test_blows_come_with_the_worn_ring_and_grow_until_the_bearing_is_replaced() -> None:
    vibration = made(life_days=10.0, level=0.0, noise=0.0)
    when = BEGIN_US + np.arange(20) * DAY_US
    worn = vibration.worn(when)
    strength = np.array([burst(vibration, int(day)).std() for day in when])
    assert worn.max() > 0.8
    assert (np.argsort(worn) == np.argsort(strength)).all()
    assert (np.diff(worn) < 0).sum() == 2
    assert strength.max() > 50 * strength.min()


def test_samples_are_float32_and_the_same_alone_and_in_a_burst() -> None:
    vibration = made()
    when = BEGIN_US + np.arange(0, 5_000) * 125 // 2
    column = vibration.at(when)
    assert column.dtype == np.float32
    assert [float(vibration.at(when[at : at + 1])[0]) for at in range(0, 5_000, 61)] == column[::61].tolist()
    assert vibration.step_ns == 312_500
