"""A VictoriaMetrics of our own is there when `start` returns, on the same port in each life, and gone after `kill`."""

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from simulators.victoria_process import VictoriaFailed, VictoriaProcess, find_program

pytestmark = pytest.mark.needs_server("victoria-metrics")


def answers(server: VictoriaProcess) -> bool:
    try:
        with urllib.request.urlopen(server.url + "/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False


def test_server_lives_again_on_the_same_port(tmp_path: Path) -> None:
    server = VictoriaProcess(tmp_path / "data")
    try:
        server.start()
        assert answers(server)
        server.kill()
        assert not answers(server)
        server.start()
        assert answers(server)
        server.rest()
        server.stop()
        assert not answers(server)
    finally:
        server.kill()


def test_server_that_ends_at_once_says_why(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("no directory")
    with pytest.raises(VictoriaFailed, match="data"):
        VictoriaProcess(tmp_path / "data").start()


def test_url_is_one_that_the_setting_takes(tmp_path: Path) -> None:
    assert find_program()
    server = VictoriaProcess(tmp_path / "data")
    assert server.store_url == f"victoriametrics+http://127.0.0.1:{server.port}"
