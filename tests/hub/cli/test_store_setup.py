"""What `tributary doctor` says of the configured database, and does to it."""

import json
from pathlib import Path

import pytest

from simulators.hub_process import free_port
from tests.support import influx_bucket
from tests.support.command_line import CommandLine
from tests.support.victoria import PROGRAM, running_victoria


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    return CommandLine(tmp_path / "data", monkeypatch, capsys)


def of_store(out: str, what: str = "store") -> list[tuple[str, str, str]]:
    return [(each["verdict"], each["found"], each["advice"]) for each in json.loads(out) if each["what"] == what]


def test_duckdb_is_no_database_to_be_asked(run: CommandLine) -> None:
    assert of_store(run("doctor", "--json").out) == []
    assert of_store(run("doctor", "--fix", "--json").out, "fix") == []


def test_a_url_that_names_no_store_is_told_with_the_right_shapes(run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_STORE", "influxdb+http://127.0.0.1:8086")
    done = run("doctor", "--json")
    ((verdict, found, advice),) = of_store(done.out)
    assert (done.code, verdict) == (1, "fail")
    assert "it names no bucket" in found
    assert "/ORG/BUCKET" in advice


@pytest.mark.parametrize("url", ["influxdb+http://127.0.0.1:{}/o/b", "victoriametrics+http://127.0.0.1:{}"])
def test_a_database_that_is_down_is_a_failure_with_what_to_do(run: CommandLine, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("TRIBUTARY_STORE", url.format(free_port()))
    done = run("doctor", "--json")
    ((verdict, found, _),) = of_store(done.out)
    assert (done.code, verdict) == (1, "fail")
    assert "cannot be reached" in found
    assert "start it, or correct store" in found


@pytest.mark.skipif(not influx_bucket.URL, reason="TRIBUTARY_TEST_INFLUXDB_URL names no InfluxDB 2")
def test_fix_sets_what_the_bucket_keeps_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = CommandLine(tmp_path / "data", monkeypatch, capsys)
    with influx_bucket.fresh_bucket() as bucket:
        monkeypatch.setenv("TRIBUTARY_STORE", f"influxdb+{influx_bucket.URL}/{influx_bucket.ORG}/{bucket}")
        monkeypatch.setenv("TRIBUTARY_STORE_TOKEN", influx_bucket.TOKEN)
        before = run("doctor")
        assert "warn  store: the bucket keeps everything, keep_raw_days = 30" in before.out
        done = run("doctor", "--fix")
        assert f"ok    fix: bucket '{bucket}' of organization" in done.out
        assert "ok    store: the bucket keeps 30 days" in done.out
        assert done.code == 0
        assert influx_bucket.TOKEN not in before.out + done.out
        assert of_store(run("doctor", "--fix", "--json").out, "fix") == []


@pytest.mark.needs_server(PROGRAM)
def test_the_flags_of_a_victoriametrics_are_looked_at(run: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_victoria(tmp_path / "victoria") as server:
        monkeypatch.setenv("TRIBUTARY_STORE", server.store_url)
        found = of_store(run("doctor", "--json").out)
    assert [verdict for verdict, _, _ in found] == ["ok"] * len(found)
    assert "answers at" in found[0][1]
    assert any("single node" in text for _, text, _ in found)
    assert any("runs with -dedup.minScrapeInterval=1ms" in text for _, text, _ in found)
    assert any("it keeps everything" in text for _, text, _ in found)
