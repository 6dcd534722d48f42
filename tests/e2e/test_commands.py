"""The short form of the command test: hub and devices cut and killed at random; no command runs twice, each ends in one state."""

import subprocess
import sys


def test_no_command_runs_twice_and_each_ends_once_whatever_is_cut_or_killed() -> None:
    run = subprocess.run([sys.executable, "-m", "simulators.commands", "--short"], capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout
