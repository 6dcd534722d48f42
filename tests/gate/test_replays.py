"""Frames that are said again in short: each is in the journal once, and in the history."""

from pathlib import Path

import pytest

from tests.gate.replays import run


async def test_what_is_said_again_is_stored_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await run(4_000, 3, tmp_path) == 0
    assert "stored: 4,000 readings of 4,000 frames that are different; the journal took 4,000; 0 rejected" in capsys.readouterr().out
