"""A small siege of real hubs: every promise of it holds, and the program says so."""

import subprocess
import sys


def test_known_devices_get_in_beside_a_flood_and_with_few_descriptors() -> None:
    command = [sys.executable, "-m", "simulators.siege", "flood", "descriptors", "--short"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "all 8 promises held" in told.stdout
    assert "| flood | a known device from the same address joins within 2 s |" in told.stdout


def test_a_scene_that_does_not_exist_is_told_with_those_that_do() -> None:
    told = subprocess.run([sys.executable, "-m", "simulators.siege", "rain"], capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "there is no scene rain; there are flood, drip, shout, descriptors, memory" in told.stderr
