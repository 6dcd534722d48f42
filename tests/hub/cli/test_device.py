"""`tributary device remove` with readings: a person types the name, a script says --yes."""

import io
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.command_line import CommandLine, Terminal
from tests.support.hub_process import RunningHub


def names(hub: RunningHub) -> list[str]:
    return [each["device"] for each in hub.api("GET", "/api/v1/devices")["devices"]]


def test_nobody_is_asked_where_only_the_device_goes(hub: RunningHub, run: CommandLine) -> None:
    hub.provision("boiler")
    done = run("device", "remove", "boiler")
    assert (done.code, done.err) == (0, "removed boiler\n")
    assert "boiler" not in names(hub)


def test_a_script_must_say_that_it_is_sure(hub: RunningHub, run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.provision("pump")
    monkeypatch.setattr(sys, "stdin", io.StringIO("pump\n"))
    done = run("device", "remove", "pump", "--with-data")
    assert done.code == 2
    assert "add --yes" in done.err
    assert "pump" in names(hub)
    done = run("device", "remove", "pump", "--with-data", "--yes")
    assert (done.code, done.err) == (0, "removed pump and its readings\n")
    assert "pump" not in names(hub)


@pytest.mark.parametrize(("typed", "is_removed"), [("valve\n", True), ("y\n", False), ("valves\n", False)])
def test_a_person_types_the_name(hub: RunningHub, run: CommandLine, monkeypatch: pytest.MonkeyPatch, typed: str, is_removed: bool) -> None:
    if "valve" not in names(hub):
        hub.provision("valve")
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    done = run("device", "remove", "valve", "--with-data")
    assert done.code == (0 if is_removed else 1), done.err
    assert "Type its name" in done.err
    assert ("valve" in names(hub)) is not is_removed


def shown(hub: RunningHub, name: str) -> dict[str, Any]:
    item: dict[str, Any] = hub.api("GET", f"/api/v1/devices/{name}")
    return item


def test_tags_are_put_beside_those_that_are_there(hub: RunningHub, run: CommandLine) -> None:
    hub.provision("meter")
    assert run("device", "set", "meter", "--tag", "floor=1", "--tag", "outdoor", "--kind", "meter", "--note", "key in hall 3").code == 0
    done = run("device", "set", "meter", "--tag", "floor=2", "--untag", "outdoor", "--title", "Main meter")
    assert done.code == 0, done.err
    item = shown(hub, "meter")
    assert (item["tags"], item["kind"], item["title"], item["notes"]) == (["floor=2"], "meter", "Main meter", "key in hall 3")
    assert run("device", "set", "meter", "--title", "").code == 0
    assert "title" not in shown(hub, "meter")
    for wrong in (["--untag", "outdoor"], ["--tag", "a b"], ["--tag", "name=x"], []):
        assert run("device", "set", "meter", *wrong).code != 0
    assert run("device", "list", "--where", "floor=2 and kind=meter").out.splitlines()[1].startswith("meter ")
    nobody = run("device", "list", "--where", "floor=3")
    assert (nobody.out, nobody.err) == ("", "no device has these tags\n")
    assert "needs a value" in run("device", "list", "--where", "floor=").err


def test_a_device_is_disabled_and_enabled(hub: RunningHub, run: CommandLine) -> None:
    hub.provision("heater")
    assert run("device", "disable", "heater").err == "disabled heater\n"
    assert shown(hub, "heater")["disabled"] is True
    assert "disabled" in run("device", "list", "--where", "disabled").out
    assert run("device", "enable", "heater").err == "enabled heater\n"
    assert "disabled" not in shown(hub, "heater")


def test_a_token_is_replaced_with_an_overlap_or_revoked(hub: RunningHub, run: CommandLine) -> None:
    hub.provision("lamp")
    done = run("device", "token", "lamp", "--overlap", "1h")
    assert (done.code, len(done.out.strip())) == (0, 43)
    assert shown(hub, "lamp")["old_token_until_us"] > 0
    assert run("device", "token", "lamp", "--overlap", "soon").code == 2
    assert run("device", "token", "lamp", "--overlap", "1h", "--revoke").code == 2
    done = run("device", "token", "lamp", "--revoke")
    assert (done.code, done.out) == (0, "")
    assert shown(hub, "lamp")["has_token"] is False


def test_a_fleet_comes_from_a_file_and_its_tokens_are_its_owners_alone(hub: RunningHub, run: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "fleet.csv"
    file.write_text('\ufeffname,tags,notes\nf1,floor=1;spare,"two\nlines"\nf2,,\n\n', encoding="utf-8")
    done = run("device", "import", str(file))
    assert done.code == 0, done.err
    tokens = tmp_path / "fleet.csv.tokens.csv"
    assert tokens.stat().st_mode & 0o777 == 0o600
    lines = [line.split(",") for line in tokens.read_text().splitlines()]
    assert [line[0] for line in lines] == ["name", "f1", "f2"]
    assert all(len(line[1]) == 43 for line in lines[1:])
    assert (shown(hub, "f1")["tags"], shown(hub, "f1")["notes"]) == (["floor=1", "spare"], "two\nlines")
    again = run("device", "import", str(file), "--tokens", str(tmp_path / "other.csv"))
    assert "exists" in again.err
    assert not (tmp_path / "other.csv").exists()
    file.write_text("name\nf3\n")
    assert "may hold tokens" in run("device", "import", str(file)).err
    assert "f3" not in names(hub)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no column name"),
        ("title\nx\n", "no column name"),
        ("name\n", "0 devices"),
        ("name,colour\na,red\n", "'colour' is not known"),
        ("name,name\na,b\n", "there twice"),
        ("name,title\na\n", "line 2 has 1 cells"),
        ("name,title\n,x\n", "line 2 has no name"),
        ("name\nb1\nb2\nb1\n", "'b1' twice"),
        ("name\nb1\nno blanks\n", "'no blanks'"),
        ("name,tags\nb1,\nb2,a=;b\n", "'a='"),
        ('name\n"b1', "no CSV"),
        ("name\n\udcff\n", "no CSV"),
    ],
)
def test_of_a_file_with_a_wrong_line_nothing_is_added(hub: RunningHub, run: CommandLine, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "fleet.csv"
    file.write_bytes(text.encode(errors="surrogateescape"))
    done = run("device", "import", str(file))
    assert done.code != 0
    assert said in done.err
    assert not {"b1", "b2", "a"} & set(names(hub))
    assert [path.name for path in tmp_path.iterdir() if "tokens" in path.name] == []


def test_an_expression_stands_for_names_and_each_device_is_told(hub: RunningHub, run: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("g1", "g2", "g3"):
        hub.provision(name)
        assert run("device", "set", name, "--tag", "hall=1").code == 0
    assert run("device", "set", "--where", "name=g1 or name=g2", "--tag", "hall=2").err.splitlines() == [
        'g1: {"tags": ["hall=2"]}', 'g2: {"tags": ["hall=2"]}',
    ]  # fmt: skip
    assert run("device", "disable", "--where", "hall=2").err.splitlines() == ["disabled g1", "disabled g2"]
    assert run("device", "enable", "--where", "hall=2 and disabled").err.splitlines() == ["enabled g1", "enabled g2"]
    assert "no device is meant by --where 'hall=9'" in run("device", "disable", "--where", "hall=9").err
    for words in (["disable"], ["disable", "g1", "--where", "hall=2"], ["remove", "--where", "hall="]):
        assert run("device", *words).code == 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("2\n"))
    assert "add --yes" in run("device", "remove", "--where", "hall=2").err
    for typed, code in (("g1\n", 1), ("2\n", 0)):
        monkeypatch.setattr(sys, "stdin", Terminal(typed))
        done = run("device", "remove", "--where", "hall=2")
        assert (done.code, "2 devices (g1, g2)" in done.err) == (code, True)
    assert [name for name in names(hub) if name.startswith("g")] == ["g3"]
