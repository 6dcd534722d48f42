"""`tributary report` on a real hub: the file is whole or not there, says what it covers, and refuses what would be endless."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub.cli.report import MAX_POINTS, line_of, width_for
from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub, running_hub
from tests.support.stored import Stored, store_readings

HOUR_US = 3_600_000_000
T = (time.time_ns() // 1_000 - 5 * HOUR_US) // HOUR_US * HOUR_US
BEGIN, END = (datetime.fromtimestamp(at / 1e6, UTC) for at in (T, T + HOUR_US))
RANGE = ("--from", BEGIN.isoformat(), "--to", END.isoformat())


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with running_hub(tmp_path_factory.mktemp("hub") / "data") as running:
        store_readings(running, Stored("pump", {"temp": [(T + at * 1_000_000, at % 7) for at in range(600)]}))
        store_readings(running, Stored("valve", {"level": [(T, 1.5)]}))
        running.provision("silent")
        yield running


@pytest.fixture
def run(hub: RunningHub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(hub.process.data_dir, monkeypatch, capsys)


def test_a_report_of_all_devices_is_one_file(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    done = run("report", *RANGE, "--tz", "Europe/Berlin", "--out", str(out))
    assert (done.code, done.out) == (0, "")
    assert "601 readings of 2 devices" in done.err
    text = out.read_text()
    assert [name in text for name in ("<h2>pump</h2>", "<h2>valve</h2>", "<h2>silent</h2>")] == [True, True, False]
    begin, end = (f"{each.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M:%S}" for each in (BEGIN, END))
    assert f"{begin} to {end} <span>(Europe/Berlin)</span>" in text
    assert text.endswith("</html>\n")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".part", ".html")] == ["r.html"]


def test_devices_and_channels_can_be_named(run: CommandLine, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    assert run("report", "pump", "silent", "--channel", "temp", *RANGE, "--out", str(out)).code == 0
    text = out.read_text()
    assert "<h2>valve</h2>" not in text
    assert "No readings in this time." in text.split("<h2>silent</h2>")[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody",), "no readings of nobody"),
        (("--channel", "none"), "no device has a reading"),
        (("--from", "2999-01-01T00:00:00Z"), "not in the past"),
        (("--tz", "Nowhere"), "no time zone"),
        (("--last", "7x"), "no stretch of time"),
        (("--out", "/nowhere/r.html"), "No such file"),
    ],
)
def test_what_cannot_be_reported_is_told_and_leaves_no_file(
    run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.html").write_text("the one before")
    done = run("report", *arguments)
    assert done.code != 0
    assert said in done.err
    assert (tmp_path / "report.html").read_text() == "the one before"
    assert list(tmp_path.glob("*.part")) == []


@pytest.mark.parametrize(
    ("span_s", "width"), [(1, "100ms"), (200, "100ms"), (201, "1s"), (86_400, "1min"), (604_800, "10min"), (31_536_000, "1d"), (1e10, "1d")]
)
def test_the_width_is_the_narrowest_with_few_enough_points(span_s: float, width: str) -> None:
    assert width_for(int(span_s * 1e6)) == width
    assert MAX_POINTS == 2_000


def test_a_bucket_without_numbers_is_none() -> None:
    buckets: dict[str, Any] = {
        "width_us": 10,
        "t": [0],
        "last_t": [5],
        "min": [None],
        "max": [None],
        "sum": [None],
        "count": [2],
        "last": ["x"],
    }
    line = line_of({"channel": "c", "unit": "", "kind": "text", "buckets": buckets})
    assert not line.is_drawn
    assert (line.last, line.count.tolist()) == (["x"], [2])
