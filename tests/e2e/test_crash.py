"""The short form of the crash test: kill -9 of hub and devices, a full spool, a full disk; each reading in one place."""

import subprocess
import sys


def test_no_reading_is_lost_or_doubled_whatever_is_killed() -> None:
    run = subprocess.run([sys.executable, "-m", "simulators.crash", "--short"], capture_output=True, text=True, timeout=180)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "PASSED" in run.stdout
