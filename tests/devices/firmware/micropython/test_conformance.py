"""The MicroPython client goes through the whole course of `tributary conformance`, under CPython and on the unix port."""

import json
from pathlib import Path

import pytest

from tests.support.command_line import CommandLine
from tests.support.micropython import COUNTER, begun
from tests.support.micropython import interpreter as interpreter


@pytest.mark.slow
def test_it_passes_the_whole_course(
    interpreter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = CommandLine(tmp_path, monkeypatch, capsys)
    done = run("conformance", "--run", begun(interpreter, COUNTER), "--at-once", "16", "--json", "-")
    outcomes = {each["name"]: (each["outcome"], each["why"]) for each in json.loads(done.out)["outcomes"]}
    assert {name: why for name, (word, why) in outcomes.items() if word != "passed"} == {}
    assert len(outcomes) > 50
