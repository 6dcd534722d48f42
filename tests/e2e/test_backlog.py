"""The short form of the backlog test: a minute of frames waits in the journal, then a real store comes and has every reading once."""

import subprocess
import sys

import pytest


def check(store: str) -> None:
    command = [sys.executable, "-m", "simulators.backlog", "--short", "--store", store]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout


def test_backlog_is_drained_into_the_embedded_store() -> None:
    check("duckdb")


@pytest.mark.needs_server("victoria-metrics")
def test_backlog_is_drained_into_a_server_that_comes_back() -> None:
    check("victoriametrics")
