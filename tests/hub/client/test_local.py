"""How a program finds the hub on this machine, and what it is told where there is none."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hub.client import HubClient, HubError
from hub.client.local import find_local, reachable, read_admin_token


def write_hub_json(data_dir: Path, **said: object) -> None:
    (data_dir / "hub.json").write_text(json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:8080"} | said))


def refusal_of(data_dir: Path) -> HubError:
    with pytest.raises(HubError) as caught:
        find_local(data_dir)
    return caught.value


def test_running_hub_is_found_by_its_file(tmp_path: Path) -> None:
    write_hub_json(tmp_path)
    assert find_local(tmp_path)[:2] == ("http://127.0.0.1:8080", os.getpid())


def test_without_a_file_the_hint_says_how_to_start(tmp_path: Path) -> None:
    error = refusal_of(tmp_path)
    assert error.code == "not_running"
    assert str(tmp_path) in error.message
    assert "tributary serve" in error.hint


def test_file_of_a_killed_hub_is_not_believed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    write_hub_json(tmp_path, pid=ended.pid)
    assert refusal_of(tmp_path).code == "not_running"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "url": "http://127.0.0.1:1"}'])
def test_damaged_file_is_no_running_hub(tmp_path: Path, text: str) -> None:
    (tmp_path / "hub.json").write_text(text)
    assert refusal_of(tmp_path).code == "not_running"


def test_missing_credential_is_named(tmp_path: Path) -> None:
    write_hub_json(tmp_path)
    with pytest.raises(HubError, match=r"admin\.token"):
        HubClient.local(tmp_path)


def test_credential_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("secret\n")
    assert read_admin_token(tmp_path) == "secret"


@pytest.mark.parametrize(
    ("listens", "called"),
    [
        ("http://0.0.0.0:80", "http://127.0.0.1:80"),
        ("https://[::]:443", "https://[::1]:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
    ],
)
def test_hub_on_every_address_is_called_on_loopback(listens: str, called: str) -> None:
    assert reachable(listens) == called
