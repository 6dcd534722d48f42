"""What `tributary simulate` refuses before it asks any hub, and what it shows while it runs."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.cli.simulate_view import rows_of
from simulators.fleet.counting import Counting
from simulators.fleet.figures import Figures
from simulators.fleet.scenario import Commands, Fault, Scenario, Viewers
from tests.support.command_line import Done

Run = Callable[..., Done]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hub", "example.com"], "error: --hub 'example.com' is no address of a hub; write it as https://hub.example.com"),
        (["--hub", "http://h"], "error: --hub needs an administrator's token; give --token-file FILE, or set TRIBUTARY_TOKEN"),
    ],
)
def test_a_hub_that_is_not_said_well_is_one_line(run: Run, arguments: list[str], said: str) -> None:
    done = run("simulate", *arguments)
    assert (done.code, done.out, done.err.strip()) == (2, "", said)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--devices", "0"], "error: --devices 0 is less than one for each of 1 groups; give at least 1"),
        (["--for", "soon"], 'error: --for is no duration: \'soon\'; write "30s", "5m", "1h30m", or seconds'),
        (["--for", "0s"], "error: --for is 0.0; it is a number from 0.1 to 2,592,000 s"),
        (["--rate", "1000"], "error: --rate is 1000.0; it is a number from 0.001 to 100"),
    ],
)
def test_numbers_out_of_range_are_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str) -> None:
    monkeypatch.setenv("TRIBUTARY_TOKEN", "x")
    done = run("simulate", "--hub", "http://127.0.0.1:9", *arguments)
    assert (done.code, done.out, done.err.strip()) == (2, "", said)


@pytest.mark.parametrize("option", ["--json", "--html", "--keep"])
def test_a_report_that_could_not_be_written_is_refused_before_the_run(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, option: str
) -> None:
    monkeypatch.setenv("TRIBUTARY_TOKEN", "x")
    for path in (tmp_path / "no" / "such", tmp_path):
        done = run("simulate", "--hub", "http://127.0.0.1:9", option, str(path))
        assert (done.code, done.out) == (2, "")
        assert done.err.strip() == f"error: {path} cannot be written; name a file in a folder that is there and yours"


def test_a_scenario_that_is_not_there_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRIBUTARY_TOKEN", "x")
    done = run("simulate", "--hub", "http://127.0.0.1:9", str(tmp_path / "no.toml"))
    assert (done.code, done.err.strip()) == (1, f"error: No such file or directory: {tmp_path}/no.toml; check the path and who owns it")


def test_the_view_says_stage_phase_counts_delays_and_faults() -> None:
    scenario = Scenario(faults=(Fault("cut"),), viewers=Viewers(2), commands=Commands(1.0))
    figures, counting = Figures(["steady"]), Counting(1)
    figures.stage, figures.progress = "adding devices", (30, 100)
    assert rows_of(figures, scenario) == [("stage", "adding devices 30 of 100")]
    counting.sent, counting.acked = 1_200, 1_100
    counting.ack[0].add(5_000)
    figures.hear(("device_worker", 0), {**counting.take(), "now": {"connected": 99, "in_flight": 7, "spooled": 100}, "last_error": ""})
    figures.stage, figures.phase, figures.elapsed_s, figures.faults_now = "running", "steady", 7.0, ["cut (100% of devices)"]
    figures.tick(7.0)
    assert dict(rows_of(figures, scenario)) == {
        "stage": "running",
        "phase": "steady, 7 of 60 s",
        "connected": "99 of 100",
        "frames": "1,200 sent, 1,100 acked, 7 in flight, 100 on spools",
        "due -> acked": "p50 5.0 ms, p99 5.0 ms",
        "viewers": "0 of 2, 0 readings",
        "due -> shown": "-",
        "commands": "0 sent",
        "faults now": "cut (100% of devices)",
    }
