"""`tributary replay`: what is said before and after, what is refused, and a recording played into a real hub."""

import json
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from hub.cli.replay import about, figures, result
from simulators.replay import ImportOptions, Played, Playing, Recording
from tests.support.command_line import CommandLine
from tests.support.hub_process import RunningHub

HEADER = "time,device,channel,unit,kind,value,n\r\n"
NAMES = {"pump": "replay-pump", "valve": "valve"}


def written(path: Path, rows: list[str]) -> Path:
    path.write_text(HEADER + "".join(f"2026-01-01T{row}\r\n" for row in rows), newline="")
    return path


def small(directory: Path) -> Path:
    """Write 4 s of two devices, series by series, with a cell that is wrong."""
    rows = [f"00:00:{at:02}.000000Z,pump,level,m,gauge,{at},0" for at in range(5)]
    rows += [f"00:00:{at:02}.000000Z,valve,open,,state,{word},0" for at, word in enumerate(("true", "false", "true"))]
    return written(directory / "small.csv", [*rows, "00:00:04.000000Z,valve,flow,m3/s,gauge,much,0"])


def test_before_and_after_it_is_said_what_is_played(tmp_path: Path) -> None:
    recording = Recording.read(small(tmp_path), ImportOptions())
    assert about(recording, Playing(2.0), NAMES) == "replaying 8 readings, 4.0 s of them in 2.0 s: pump as replay-pump, valve"
    assert "0.4 s, over and over: " in about(recording, Playing(10.0, None), NAMES)
    played = Played(sent=8, loops=2, behind_s=200.0, unacked={"valve": 3})
    played.unsent.add("the hub refused it: too_old", readings=5)
    assert result(recording, played) == [
        "sent 8 readings in 2 loops; 3.3 min behind at the worst",
        "3 frames of valve were not acked in time",
        "1 not sent: column value is no number, first in row 10",
        "5 not sent: the hub refused it: too_old",
    ]
    assert figures(recording, played)["not_sent"][1] == {"reason": "the hub refused it: too_old", "readings": 5, "first": ""}
    recording.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--speed", "0"], "error: --speed is 0; allowed are 0.001 to 100000; correct it"),
        (["--speed", "nan"], "error: --speed is nan; allowed are 0.001 to 100000; correct it"),
        (["--loop", "--keep-times"], "error: --loop and --keep-times contradict each other"),
        (["--prefix", "ä"], "error: 'äpump' is no device name; 1 to 64 of"),
        (["--url", "pump:1"], "error: 'pump:1' is no address of a hub"),
        (["--url", "http://127.0.0.1:1"], "error: no token for replay-pump and 1 more at http://127.0.0.1:1; set TRIBUTARY_PROVISION_KEY"),
        (["--format", "parquet"], "error: the file is no Parquet"),
        (["--tz", "Mars"], "error: there is no time zone 'Mars'"),
        (["--data-dir", "/tmp"], "error: no hub"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    tmp_path: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    done = run("replay", str(small(tmp_path)), *arguments)
    assert done.code in (1, 2)
    assert done.out == ""
    last = done.err.splitlines()[-1]
    assert last.startswith(said), last


def test_a_file_that_is_not_there_is_said(run: CommandLine) -> None:
    assert run("replay", "/none.csv").err.startswith("error: No such file or directory: /none.csv")


def test_a_recording_is_played_by_devices_of_their_own(hub: RunningHub, run: CommandLine, tmp_path: Path) -> None:
    began_us = time.time_ns() // 1_000
    done = run("replay", str(small(tmp_path)), "--speed", "8")
    assert done.code == 1  # one cell was no number
    assert done.err.startswith("replaying 8 readings, 4.0 s of them in 0.5 s: pump as replay-pump, valve as replay-valve")
    assert done.out.splitlines()[0].startswith("sent 8 readings")
    assert done.out.splitlines()[-1] == "1 not sent: column value is no number, first in row 10"
    points = stored(hub, "replay-pump", began_us, 5)
    assert [value for _, _, value in points] == [0, 1, 2, 3, 4]
    assert [later[0] - first[0] for first, later in pairwise(points)] == [125_000] * 4
    again = run("replay", str(small(tmp_path)), "--speed", "1000", "--json")  # with the tokens that are kept
    assert json.loads(again.out)["sent"] == 8
    assert len(stored(hub, "replay-pump", began_us, 10)) == 10


def test_a_loop_goes_on_until_it_is_told_to_stop(hub: RunningHub, tmp_path: Path) -> None:
    began_us = time.time_ns() // 1_000
    row = "00:00:00.000000Z,clock,level,m,gauge,1,0"
    file = written(tmp_path / "loop.csv", [row, row.replace("00.0", "01.0")])
    options = ["--loop", "--speed", "20", "--data-dir", str(hub.process.data_dir)]
    command = [sys.executable, "-c", "from hub.cli import main; main()", "replay", str(file), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as playing:
        points = stored(hub, "replay-clock", began_us, 12)
        playing.send_signal(signal.SIGINT)
        said, _ = playing.communicate(timeout=60)
    assert playing.returncode == 0
    assert len(points) >= 12
    assert {later[0] - first[0] for first, later in pairwise(points)} == {50_000}
    sent = int(said.split()[1])
    assert len(stored(hub, "replay-clock", began_us, sent)) == sent


def test_a_device_of_somebody_else_is_not_taken_over(hub: RunningHub, run: CommandLine, tmp_path: Path) -> None:
    hub.provision("pump")
    done = run("replay", str(small(tmp_path)), "--prefix", "")
    assert done.code == 1
    assert done.err.splitlines()[-1].startswith("error: the hub has a device 'pump' already, whose token is not here; say --prefix")


def test_on_another_hub_the_devices_register_themselves(
    hub: RunningHub, run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    key = run("provisioning", "add", "plant", "--prefix", "plant-").out.strip()
    (tmp_path / "key").write_text(key)
    began_us = time.time_ns() // 1_000
    options = ["--prefix", "plant-", "--url", hub.url, "--speed", "100"]
    assert run("replay", str(small(tmp_path)), *options, "--provision-key-file", str(tmp_path / "key")).out.startswith("sent 8 readings")
    assert run("replay", str(small(tmp_path)), *options).out.startswith("sent 8 readings")  # the tokens are kept
    assert len(stored(hub, "plant-pump", began_us, 10)) == 10


def stored(hub: RunningHub, device: str, from_us: int, count: int) -> list[tuple[int, int, float]]:
    """Return the points of a device once there are so many."""
    deadline_s = time.monotonic() + 30
    while True:
        series = hub.api("GET", f"/api/v1/query?device={device}&channel=level&from={from_us}")["series"]
        points = series[0]["points"] if series else []
        if len(points) >= count or time.monotonic() > deadline_s:
            return [(time_us, n, value) for time_us, n, value in points]
        time.sleep(0.05)  # between two looks
