"""The command line in this process: quicker than a process each time, and otherwise the same.

Owns how a command is run and what is kept of it. Used by tests/hub/cli.
"""

import io
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.cli import main

TRIBUTARY = str(Path(sys.executable).parent / "tributary")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


class Terminal(io.StringIO):
    """What a person types who sits there."""

    def isatty(self) -> bool:
        """Say so."""
        return True


class CommandLine:
    """`tributary` on a data directory, with a free port and no other setting."""

    def __init__(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        for variable in [name for name in os.environ if name.startswith("TRIBUTARY_")]:
            monkeypatch.delenv(variable)
        monkeypatch.setenv("TRIBUTARY_DATA_DIR", str(data_dir))
        monkeypatch.setenv("TRIBUTARY_PORT", "0")

    def __call__(self, *arguments: str) -> Done:
        """Run it to its end."""
        self._monkeypatch.setattr(sys, "argv", ["tributary", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        said = self._capsys.readouterr()
        return Done(int(ended.value.code or 0), said.out, said.err)
