"""`tributary dashboard` on a real hub: imported, listed, shown, exported as it came, deleted, restored; bad files are told plainly."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine

TILE = {"id": "t1", "type": "number", "x": 3, "y": 0, "w": 4, "h": 2, "title": "Température", "config": {"channels": ["temp"]}}
DOCUMENT = {"title": "Hall", "variables": [{"name": "it", "kind": "device", "value": ""}], "range": "15min", "tiles": [TILE]}


def test_a_dashboard_goes_out_as_a_file_and_comes_back(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "hall.json"
    file.write_text(json.dumps(DOCUMENT))
    assert run("dashboard", "import", "hall", str(file)).err == "dashboard hall is at version 1\n"
    exported = run("dashboard", "export", "hall").out
    assert json.loads(exported) == DOCUMENT
    assert "Température" in exported
    assert "there already" in run("dashboard", "import", "hall", str(file)).err
    file.write_text(json.dumps({**DOCUMENT, "title": "Hall 2"}))
    assert run("dashboard", "import", "hall", str(file), "--replace").err == "dashboard hall is at version 2\n"
    assert json.loads(run("dashboard", "export", "hall", "--version", "1").out) == DOCUMENT
    shown = run("dashboard", "show", "hall").out
    assert "Hall 2: 1 tiles, over 15min" in shown
    assert "$it (device): (chosen by who looks at it)" in shown
    assert "t1    number  Température  4x2 at 3,0" in shown
    assert [each["version"] for each in json.loads(run("dashboard", "show", "hall", "--json").out)["versions"]] == [2, 1]
    assert "hall  Hall 2  1      2" in run("dashboard", "list").out


def test_a_deleted_one_is_restored(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "attic.json"
    file.write_text(json.dumps(DOCUMENT))
    run("dashboard", "import", "attic", str(file))
    assert "tributary dashboard restore attic" in run("dashboard", "delete", "attic").err
    assert "attic" not in run("dashboard", "list").out
    assert [each["name"] for each in json.loads(run("dashboard", "list", "--deleted", "--json").out)] == ["attic"]
    assert run("dashboard", "restore", "attic").err == "dashboard attic is at version 2\n"
    assert "no dashboard is called 'attic2'" in run("dashboard", "restore", "attic2").err


def test_a_link_is_made_listed_and_withdrawn(run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "lobby.json"
    file.write_text(json.dumps(DOCUMENT))
    run("dashboard", "import", "lobby", str(file))
    assert "make one: tributary dashboard share lobby" in run("dashboard", "shares", "lobby").err
    made = run("dashboard", "share", "lobby", "--for", "screen", "--days", "7")
    (listed,) = json.loads(run("dashboard", "shares", "lobby", "--json").out)
    assert f"/shared/{listed['id']}/#/" in made.out
    assert made.err == f"withdraw it: tributary dashboard unshare lobby {listed['id']}\n"
    run("dashboard", "share", "lobby", "--for", "wall")
    shown = run("dashboard", "shares", "lobby").out
    assert [line.split()[-1] for line in shown.splitlines()[1:]].count("withdrawn") == 1
    assert run("dashboard", "unshare", "lobby", listed["id"]).err == f"link {listed['id']} is withdrawn\n"
    assert "has no link" in run("dashboard", "unshare", "lobby", listed["id"]).err
    assert len(json.loads(run("dashboard", "shares", "lobby", "--json").out)) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("[]", "holds no JSON object"), ('{"title": "x"}', "range is one of"), (None, "cannot be read: No such file")],
)
def test_a_bad_file_is_told_plainly(run: CommandLine, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "bad.json"
    if text is not None:
        file.write_text(text)
    done = run("dashboard", "import", "bad", str(file))
    assert done.code != 0
    assert said in done.err
