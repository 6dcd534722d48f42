"""A sensor gives the same readings in any order, cut and process, as rows, as bursts, as columns and one by one."""

import json
import subprocess
import sys

import numpy as np
import pytest

from devices.readings import Readings
from simulators.sensors import KINDS, MODELS, model, plan_of
from tests.support.signals import BEGIN_US, SOURCES, signal, times


@pytest.mark.parametrize("kind", KINDS)
def test_a_value_is_the_same_however_the_times_are_cut(kind: str) -> None:
    when = np.random.default_rng(1).integers(BEGIN_US, BEGIN_US + 10**13, 500)
    whole = signal(kind).at(when)
    cut = np.concatenate([signal(kind).at(part) for part in np.array_split(when, 90)])
    np.testing.assert_array_equal(whole, cut)
    backwards = signal(kind).at(when[::-1])[::-1]
    np.testing.assert_array_equal(whole, backwards)


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_and_devices_have_values_of_their_own(kind: str) -> None:
    when = times(3, 47)
    # 47 s: no slot of a door begins with a visit
    series = [signal(kind, seed=seed, device=device).at(when).tolist() for seed, device in ((1, "d"), (2, "d"), (1, "e"))]
    assert series[0] != series[1]
    assert series[0] != series[2]
    assert SOURCES.get(kind, "") != kind


def test_another_process_computes_the_same_values() -> None:
    program = (
        "import json; from simulators.sensors import MODELS, model\n"
        "sensors = [model(name).sensor(5, 'd') for name in MODELS]\n"
        f"print(json.dumps([[sensor.value(c.name, {BEGIN_US}) for c in sensor.channels] for sensor in sensors]))"
    )
    said = json.loads(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)
    here = [[model(name).sensor(5, "d").value(c.name, BEGIN_US) for c in model(name).sensor(5, "d").channels] for name in MODELS]
    assert said == json.loads(json.dumps(here))


@pytest.mark.parametrize("name", MODELS)
def test_a_device_takes_every_row_and_burst_as_it_is(name: str) -> None:
    sensor = model(name).sensor(1, "d")
    rows = list(sensor.rows(times(1, 60)))
    assert len(rows) == 1_440
    frames = Readings(sensor.channels).drafts(rows)
    assert sum(frame.readings for frame in frames) == 1_440 * len(sensor.plain)
    assert set(sensor.plain) | set(sensor.sampled) == {channel.name for channel in sensor.channels}


def test_rows_hold_what_columns_and_single_values_say() -> None:
    sensor = model("house").sensor(1, "d")
    when = times(0.01, 10)
    for at, (time_us, row) in enumerate(sensor.rows(when)):
        assert time_us == when[at]
        assert row == {name: sensor.value(name, time_us) for name in sensor.plain}


def test_readings_that_are_not_there_or_no_numbers_are_left_out_of_rows_and_said_in_columns() -> None:
    tables = [
        {"name": "t", "kind": "temperature", "faults": [{"kind": "nan", "share": 0.2}]},
        {"name": "d", "kind": "door", "faults": [{"kind": "dropout", "every_h": 1, "for_s": 1_800}]},
    ]
    sensor = plan_of(tables).sensor(1, "d")
    when = times(1, 60)
    rows, unsound = dict(sensor.rows(when)), dict(sensor.rows(when, with_unsound=True))
    t, d = sensor.column("t", when), sensor.column("d", when)
    assert (bool(t.made.all()), bool(t.sound.all())) == (True, False)
    assert d.made.mean() == pytest.approx(0.5, abs=0.02)
    assert [int(time_us) for time_us in when[t.sound]] == [time_us for time_us, row in rows.items() if "t" in row]
    assert sum("d" in row for row in rows.values()) == d.sound.sum()
    assert sum("t" in row for row in unsound.values()) == len(when)
    assert len(rows) == (t.sound | d.sound).sum()
    assert sensor.value("t", int(when[~t.sound][0])) is None


def test_bursts_come_every_so_often_whichever_stretch_is_asked_for() -> None:
    sensor = plan_of([{"name": "v", "kind": "vibration", "every_s": 10, "samples": 100, "rate_hz": 3_000}]).sensor(1, "d")
    whole = [burst.start_us for burst in sensor.bursts(BEGIN_US, BEGIN_US + 100_000_000)]
    parts = [b.start_us for s in range(100) for b in sensor.bursts(BEGIN_US + s * 1_000_000, BEGIN_US + (s + 1) * 1_000_000)]
    assert whole == parts
    assert len(whole) == 10
    (burst, *_) = sensor.bursts(BEGIN_US, BEGIN_US + 20_000_000)
    np.testing.assert_array_equal(burst.values, sensor.column("v", burst.times_us).values)
    assert (burst.step_ns, int(burst.times_us[3] - burst.start_us)) == (333_333, 999)


def test_no_burst_has_a_hole_in_it() -> None:
    table = {"name": "v", "kind": "vibration", "samples": 10, "faults": [{"kind": "dropout", "every_h": 1, "for_s": 1_800}]}
    sensor = plan_of([table]).sensor(1, "d")
    assert len(list(sensor.bursts(BEGIN_US, BEGIN_US + 3_600_000_000))) == pytest.approx(180, abs=2)
