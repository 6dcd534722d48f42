"""`tributary export` and `tributary import` with a real hub: to a file, to a pipe, into an empty hub, cut off, killed."""

import http.client
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.command_line import TRIBUTARY, CommandLine
from tests.support.environment import clean_environment
from tests.support.hub_process import RunningHub, running_hub

T = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
ROWS = 120_000
DEADLINE_S = 30.0


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


def wide_file(path: Path, rows: int) -> Path:
    """Write a CSV file of other people: a reading of two channels each millisecond."""
    with path.open("w") as out:
        out.write("ts,temp,mode\n")
        for at in range(rows):
            out.write(f"{T // 1_000 + at},{20 + at % 7}.5,m{at % 3}\n")
    return path


def is_stored(hub: RunningHub, count: int) -> None:
    """Wait until the history has what is journaled, and so many readings of each channel."""
    deadline = time.monotonic() + DEADLINE_S
    while hub.api("GET", "/api/v1/hub")["store_lag"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)  # between two looks at another process
    said = hub.api("GET", f"/api/v1/query?device=kiln&from={T}&to={T + 10**12}&width=1d")
    assert [sum(series["buckets"]["count"]) for series in said["series"]] == [count, count]


def test_a_file_goes_in_comes_out_and_goes_into_another_hub(tmp_path: Path, run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    source = wide_file(tmp_path / "kiln.csv", ROWS // 30)
    with running_hub(tmp_path / "data") as hub:
        refused = run("import", str(source), "--device", "kiln", "--time-format", "ms")
        assert (refused.code, refused.out) == (1, "")
        assert "no device is called kiln" in refused.err
        done = run("import", str(source), "--device", "kiln", "--time-format", "ms", "--create")
        assert done.out.startswith("imported 8,000 readings of 1 device\n  kiln: 8,000 readings of 2 channels"), done
        is_stored(hub, ROWS // 30)
        again = run("import", str(source), "--device", "kiln", "--time-format", "ms")
        assert again.out.startswith("nothing changed: the 8,000 readings"), again
        exports = {}
        for suffix in ("csv", "parquet", "lp"):
            out = tmp_path / f"out.{suffix}"
            done = run("export", "kiln", "--out", str(out))
            assert (done.code, done.out, done.err) == (0, "", "")
            exports[suffix] = out.read_bytes()
        assert len(exports["csv"].splitlines()) == 8_001
        assert exports["lp"].endswith(b"# end: 8000 lines\n")
        assert not list(tmp_path.glob("*.part"))
        piped = subprocess.run(
            [TRIBUTARY, "export", "kiln", "--channel", "temp", "--data-dir", str(tmp_path / "data")], capture_output=True,
            env=clean_environment(), check=True,
        )  # fmt: skip
        assert len(piped.stdout.splitlines()) == 4_001
        nothing = run("export", "kiln", "--last", "5m")
        assert (nothing.code, nothing.out.count("\n")) == (0, 1)
        assert "no readings" in nothing.err
    for suffix in ("csv", "parquet"):
        monkeypatch.setenv("TRIBUTARY_DATA_DIR", str(tmp_path / suffix))
        with running_hub(tmp_path / suffix) as hub:
            result = json.loads(run("import", str(tmp_path / f"out.{suffix}"), "--create", "--json").out)
            assert (result["changed"], result["readings"]) == (True, 8_000)
            is_stored(hub, ROWS // 30)
            done = run("export", "kiln", "--out", str(tmp_path / "again.csv"))
            assert (tmp_path / "again.csv").read_bytes() == exports["csv"]
            assert run("import", str(tmp_path / "out.csv")).out.startswith("nothing changed: the 8,000 readings")
            is_stored(hub, ROWS // 30)


def test_what_cannot_be_done_is_one_line(tmp_path: Path, run: CommandLine) -> None:
    with running_hub(tmp_path / "data"):
        for arguments, code, words in (
            (("export", "nobody"), 1, "no device is called 'nobody'"),
            (("export", "--from", "2026-03-02", "--to", "2026-03-01"), 2, "is not before"),
            (("export", "--width", "2s"), 2, "width is one of"),
            (("export", "--format", "xlsx"), 2, "format is one of"),
            (("export", "--last", "5m", "--from", "2026-03-01"), 2, "contradict"),
            (("export", "--out", "/nowhere/file.csv"), 1, "/nowhere/file.csv"),
            (("import", "/nowhere/file.csv"), 1, "/nowhere/file.csv"),
            (("import", __file__, "--device", "x"), 2, "error: "),
            (("import", os.devnull, "--device", "x"), 2, "the file is empty"),
        ):
            done = run(*arguments)
            assert (done.code, done.out) == (code, ""), arguments
            assert words in done.err
            assert done.err.count("\n") == 1


def test_an_export_cut_off_is_an_error_and_leaves_no_file(tmp_path: Path, run: CommandLine) -> None:
    source = wide_file(tmp_path / "kiln.csv", ROWS)
    with running_hub(tmp_path / "data") as hub:
        run("import", str(source), "--device", "kiln", "--time-format", "ms", "--create")
        is_stored(hub, ROWS)
        with subprocess.Popen(
            [TRIBUTARY, "export", "--data-dir", str(tmp_path / "data"), "--out", str(tmp_path / "out.csv")], stderr=subprocess.PIPE,
            env=clean_environment(),
        ) as program:  # fmt: skip
            deadline = time.monotonic() + DEADLINE_S
            while not (tmp_path / "out.csv.part").exists() or not (tmp_path / "out.csv.part").stat().st_size:
                assert time.monotonic() < deadline
            hub.process.kill()
            _, said = program.communicate(timeout=DEADLINE_S)
        assert (program.returncode, said.count(b"\n")) == (1, 1), said
        assert b"broke off" in said or b"no hub answers" in said
        assert not (tmp_path / "out.csv").exists()
        assert not (tmp_path / "out.csv.part").exists()


def test_an_import_that_the_hub_did_not_survive_is_finished_by_the_same_file(tmp_path: Path, run: CommandLine) -> None:
    rows = 3 * ROWS  # enough that it is not at its end when the hub is killed
    source = wide_file(tmp_path / "kiln.csv", rows)
    command = ("import", str(source), "--device", "kiln", "--time-format", "ms", "--create")
    with running_hub(tmp_path / "data") as hub:
        with subprocess.Popen(
            [TRIBUTARY, *command, "--data-dir", str(tmp_path / "data")], stderr=subprocess.PIPE, env=clean_environment()
        ) as program:
            deadline = time.monotonic() + DEADLINE_S
            while hub.api("GET", "/api/v1/hub")["position"] < 5:
                assert time.monotonic() < deadline
            hub.process.kill()
            program.communicate(timeout=DEADLINE_S)
        assert program.returncode == 1
    with running_hub(tmp_path / "data") as hub:
        assert not (tmp_path / "data" / "imports").exists()  # what the killed hub left
        result = json.loads(run(*command, "--json").out)
        assert result["devices"][0]["state"] in ("completed", "known")
        is_stored(hub, rows)


def test_an_imported_reading_shows_in_a_chart_that_is_open(tmp_path: Path, run: CommandLine) -> None:
    import trio

    from hub.client import HubClient

    recent = time.time_ns() // 1_000 - 60_000_000
    (tmp_path / "late.csv").write_text(f"ts,temp\n{recent},21.5\n")

    async def watch(data_dir: Path) -> list[str]:
        from hub.client.exchange import import_file

        heard: list[str] = []
        async with HubClient.local(data_dir) as client, client.live() as live:
            await live.subscribe("s", ["kiln"], width_us=1_000_000, span_s=600.0)
            with trio.fail_after(DEADLINE_S):
                async for message in live:
                    heard.append(str(message["op"]))
                    if message["op"] == "snapshot" and "changed" not in heard and heard.count("snapshot") == 1:
                        result = await import_file(client, tmp_path / "late.csv", device="kiln", time_format="us")
                        assert result["changed"]
                    if message["op"] in ("changed", "update"):
                        break
        return heard

    with running_hub(tmp_path / "data") as hub:
        hub.provision("kiln")
        heard = trio.run(watch, tmp_path / "data")
        assert heard[-1] in ("changed", "update")


def test_a_client_that_leaves_ends_the_export(tmp_path: Path, run: CommandLine) -> None:
    source = wide_file(tmp_path / "kiln.csv", ROWS)
    with running_hub(tmp_path / "data") as hub:
        run("import", str(source), "--device", "kiln", "--time-format", "ms", "--create")
        is_stored(hub, ROWS)
        headers = {"Authorization": f"Bearer {hub.admin_token}"}
        for _ in range(8):  # more than may run at once
            connection = http.client.HTTPConnection(urlsplit(hub.url).netloc, timeout=DEADLINE_S)
            deadline = time.monotonic() + DEADLINE_S
            while True:
                connection.request("GET", "/api/v1/export", headers=headers)
                answer = connection.getresponse()
                if answer.status == 200:
                    break
                assert time.monotonic() < deadline
                answer.read()
            assert answer.headers["Transfer-Encoding"] == "chunked"
            assert answer.read(100).startswith(b"time,device")
            connection.close()
        os.kill(hub.process.pid, signal.SIGTERM)
