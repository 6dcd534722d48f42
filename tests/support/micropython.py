"""The MicroPython client for tests: loaded into this interpreter, and run on the real unix port where one is found.

Owns where the file and the interpreter are; checks nothing. Used by tests/devices/firmware/micropython.
"""

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "devices" / "firmware" / "micropython"
COUNTER = FOLDER / "examples" / "counter.py"


@cache
def client() -> ModuleType:
    """Return the client as a module of CPython."""
    spec = importlib.util.spec_from_file_location("tributary", FOLDER / "tributary.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def port() -> str | None:
    """Return the path of MicroPython's unix port: $TRIBUTARY_TEST_MICROPYTHON, else what is on the PATH."""
    return os.environ.get("TRIBUTARY_TEST_MICROPYTHON") or shutil.which("micropython")


def found_port() -> str:
    """Return that path; skips the test where there is none."""
    found = port()
    if found is None:
        pytest.skip("no MicroPython here: the unix port is looked for on the PATH and in TRIBUTARY_TEST_MICROPYTHON")
    return found


@pytest.fixture(params=["cpython", "micropython"])
def interpreter(request: pytest.FixtureRequest) -> str:
    """Both Pythons in turn, as paths of their programs."""
    return sys.executable if request.param == "cpython" else found_port()


def environment() -> dict[str, str]:
    """Return an environment in which either interpreter finds the client."""
    return {**os.environ, "PYTHONPATH": str(FOLDER), "MICROPYPATH": f".frozen:{FOLDER}", "PYTHONDONTWRITEBYTECODE": "1"}


def begun(program: str, script: Path) -> str:
    """Return the command that runs a script in that environment, as a shell would read it."""
    return shlex.join(["env", f"PYTHONPATH={FOLDER}", f"MICROPYPATH=.frozen:{FOLDER}", program, str(script)])


def run(program: str, script: Path, *arguments: str, said: str = "", options: tuple[str, ...] = ()) -> str:
    """Run a script to its end and return what it printed; `said` is its standard input."""
    command = [program, *options, str(script), *arguments]
    done = subprocess.run(command, input=said, capture_output=True, text=True, timeout=120, env=environment())
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout
