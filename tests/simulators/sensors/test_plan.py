"""Plans make the sensors they describe; what is wrong in one is said in one line with its place."""

import tomllib

import pytest

from devices.wire.messages import Kind
from simulators.sensors import KINDS, MODELS, SENSOR_FAULTS, BadPlan, model, parameters_of, plan_of
from tests.support.signals import BEGIN_US, SOURCES

GOOD = """
[[channels]]
name = "air"
kind = "temperature"
mean = 20
faults = [{kind = "stuck", every_h = 3}, {kind = "dropout"}]
[[channels]]
name = "damp"
kind = "humidity"
[[channels]]
name = "open"
kind = "door"
"""


def test_a_scenario_file_describes_a_device() -> None:
    sensor = plan_of(tomllib.loads(GOOD)["channels"]).sensor(1, "d")
    assert [(channel.name, channel.unit, channel.kind) for channel in sensor.channels] == [
        ("air", "Cel", Kind.GAUGE),
        ("damp", "%", Kind.GAUGE),
        ("open", "", Kind.STATE),
    ]
    assert parameters_of(KINDS["temperature"])["mean"].default == 12.0


def test_what_is_derived_from_a_faulty_channel_is_derived_from_the_truth() -> None:
    tables = [{"name": "t", "kind": "temperature", "faults": [{"kind": "spike", "share": 1.0}]}, {"name": "h", "kind": "humidity"}]
    bare = [{"name": "t", "kind": "temperature"}, {"name": "h", "kind": "humidity"}]
    assert plan_of(tables).sensor(1, "d").value("h", BEGIN_US) == plan_of(bare).sensor(1, "d").value("h", BEGIN_US)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_good_values_at_the_ends_of_its_parameters(kind: str) -> None:
    before = [{"name": "s", "kind": SOURCES[kind]}] if kind in SOURCES else []
    for name, declared in parameters_of(KINDS[kind]).items():
        for end in ("low", "high"):
            value = declared.metadata[end]
            if name == "samples" and end == "high":
                continue  # a burst of a million: only its size
            sensor = plan_of([*before, {"name": "it", "kind": kind, name: int(value) if declared.type is int else value}]).sensor(1, "d")
            assert sensor.value("it", BEGIN_US) is not None, (name, value)


@pytest.mark.parametrize("kind", SENSOR_FAULTS)
def test_every_fault_works_at_the_ends_of_its_parameters(kind: str) -> None:
    for name, declared in parameters_of(SENSOR_FAULTS[kind]).items():
        for end in ("low", "high"):
            table = {"kind": kind, name: declared.metadata[end]}
            sensor = plan_of([{"name": "it", "kind": "temperature", "faults": [table]}]).sensor(1, "d")
            sensor.value("it", BEGIN_US)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_a_good_plan(name: str) -> None:
    sensor = model(name).sensor(1, "d")
    assert all(sensor.value(channel.name, BEGIN_US) is not None for channel in sensor.channels)


AIR = {"name": "air", "kind": "temperature"}
BAD = [
    ("x", "channels: give a list of 1 to 1024 channels, each a table with name and kind"),
    ([], "channels: give a list of 1 to 1024 channels, each a table with name and kind"),
    ([3], "channels[0]: give a table with name and kind, not 3"),
    ([{"kind": "door"}], "channels[0].name must be a text of 1 to 64 bytes, not None"),
    ([AIR, AIR], "channels[1]: there is a channel 'air' already; names must differ"),
    (
        [{"name": "a", "kind": "temprature"}],
        f"channels[0] 'a': 'temprature' is no kind; take one of {', '.join(KINDS)}; did you mean temperature?",
    ),
    (
        [{**AIR, "peek_h": 3}],
        "channels[0] 'air': 'peek_h' is no parameter of temperature; it takes mean, swing, fronts, clouds, noise, peak_h, digits; "
        "did you mean peak_h?",
    ),
    ([{**AIR, "peak_h": 25}], "channels[0] 'air'.peak_h must be a number within 0...24, not 25"),
    ([{**AIR, "mean": True}], "channels[0] 'air'.mean must be a number within -200...2000, not True"),
    ([{**AIR, "mean": float("nan")}], "channels[0] 'air'.mean must be a number within -200...2000, not nan"),
    ([{**AIR, "digits": 1.0}], "channels[0] 'air'.digits must be a whole number within 0...12, not 1.0"),
    (
        [{"name": "h", "kind": "humidity"}],
        "channels[0] 'h' is derived from a channel of kind temperature; put a channel of kind temperature before it",
    ),
    (
        [AIR, {"name": "b", "kind": "temperature"}, {"name": "h", "kind": "humidity"}],
        "channels[2] 'h' is derived from a channel of kind temperature; it has air, b: say which in `of`",
    ),
    ([{**AIR, "of": "x"}], "channels[0] 'air': this kind is derived from no other channel; leave `of` out"),
    ([{**AIR, "faults": "stuck"}], "channels[0] 'air'.faults must be a list of tables, each with a kind, not 'stuck'"),
    (
        [{**AIR, "faults": [{"kind": "stick"}]}],
        "channels[0] 'air'.faults[0]: 'stick' is no fault; take one of stuck, drift, spike, dropout, nan; did you mean stuck?",
    ),
    (
        [{"name": "d", "kind": "door", "faults": [{"kind": "spike"}]}],
        "channels[0] 'd': spike is no fault of a state; stuck and dropout are",
    ),
]


@pytest.mark.parametrize(("tables", "line"), BAD)
def test_what_is_wrong_is_said_in_one_line(tables: object, line: str) -> None:
    with pytest.raises(BadPlan) as caught:
        plan_of(tables)
    assert str(caught.value) == line


def test_an_unknown_model_is_said_with_those_there_are() -> None:
    with pytest.raises(BadPlan, match="'motr' is no model; take one of greenhouse, motor, van, house; did you mean motor"):
        model("motr")
