"""Scenario files: what they say, what the command line changes, and what makes no sense as a whole."""

from pathlib import Path

import pytest

from simulators.fleet.errors import FleetError
from simulators.fleet.scenario import Scenario
from simulators.fleet.scenario_file import changed, read_scenario, scenario_of

WHOLE = """
name = "two makes"
seed = 7
[[devices]]
name = "motors"
count = 30
rate = 2
model = "motor"
[[devices]]
name = "rooms"
count = 10
channels = [{ name = "air", kind = "temperature", mean = 20.0 }]
[[phases]]
name = "calm"
for = "1m"
[[phases]]
name = "rush"
for = "30s"
rate = 3
[[faults]]
kind = "storm"
at = "45s"
for = "2s"
[[faults]]
kind = "duplicate"
at = 5
for = "10s"
[commands]
rate = 5
[viewers]
count = 4
"""


def test_a_file_says_everything(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(WHOLE)
    scenario = read_scenario(path)
    assert (scenario.devices, scenario.run_s, scenario.viewers.count, scenario.commands.rate) == (40, 90, 4, 5)
    assert scenario.stretches(scenario.groups[0]) == [(60, 2), (30, 6)]
    assert next(channel.name for channel in scenario.groups[0].plan.channels) == "vibration"
    assert scenario.breaks("devices")
    assert scenario.breaks_links
    assert not scenario.breaks("viewers")
    assert not scenario.has_disk_spools


def test_the_command_line_keeps_the_mix_and_stretches_the_phases() -> None:
    import tomllib

    scenario = changed(scenario_of(tomllib.loads(WHOLE), "x"), devices=400, for_s=900, viewers=9, seed=3, has_usual_faults=True)
    assert [group.count for group in scenario.groups] == [300, 100]
    assert [phase.for_s for phase in scenario.phases] == [600, 300]
    assert scenario.faults[0].at_s == 450
    assert (scenario.viewers.count, scenario.seed) == (9, 3)
    assert scenario.has_disk_spools  # as the usual faults kill


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cuont = 1", "x.toml has an unknown field 'cuont'"),
        ("[[devices]]\ncont = 3", "x.toml: [[devices]] 1 has an unknown field 'cont' (did you mean 'count'?)"),
        ("[[devices]]\nmodel = 'motr'", "'motr' is no model"),
        ("[[devices]]\nchannels = [{name = 'a', kind = 'noise'}]", "'noise' is no kind"),
        ("[[devices]]\nchannels = []", "x.toml: [[devices]] 1.channels: give a list"),
        ("[[devices]]\nmodel = 'motor'\nchannels = [{name='a', kind='door'}]", "has a model and channels"),
        ("[[devices]]\n[[devices]]", "two groups of [[devices]] have the same name"),
        ("[devices]\ncount = 3", "devices is no list of tables"),
        ("[[faults]]\nkind = 'cut'\nat = '2m'", "a cut begins at 120 s, and the run is over after 60 s"),
        ("[[faults]]\nkind = 'stall'\nfor = 5\nevery = 5", "a stall of 5 s cannot come every 5 s"),
        ("[[faults]]\nkind = 'cut'\nevery = 0.01", "a cut cannot come every 0.01 s"),
        ("[[faults]]\nkind = 'reorder'\non = 'viewers'", "a reorder is at the devices' end"),
        ("[[faults]]\nat = 3", "x.toml: [[faults]] 1 has no 'kind'"),
        ("name = ", "x.toml is no TOML"),
        ("[[devices]]\nname='a'\ncount = 60000\n[[devices]]\nname='b'\ncount = 60000", "120,000 devices are over the limit of 100,000"),
    ],
)
def test_what_is_wrong_is_one_line_that_names_the_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    with pytest.raises(FleetError) as caught:
        read_scenario(path)
    assert said in caught.value.message
    assert caught.value.hint
    assert caught.value.is_usage


@pytest.mark.parametrize("options", [{"devices": 0}, {"rate": -1.0}, {"for_s": 0.0}, {"viewers": -1}, {"commands": 1e9}, {"seed": -1}])
def test_options_have_the_limits_of_their_fields(options: dict[str, float]) -> None:
    with pytest.raises(FleetError):
        changed(Scenario(), **options)  # type: ignore[arg-type]
