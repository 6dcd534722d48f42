"""The simulation itself: a seed is one run and always the same, the kept seeds are clean, and bugs put in on purpose are found."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.sim.bugs import BUGS
from tests.sim.world import Scene, simulate

_HERE: Final = Path(__file__).parent
_SHORT: Final = {"devices": 6, "hours": 0.1}
KEPT: Final = [line.split() for line in (_HERE / "seeds.txt").read_text().splitlines() if line and not line.startswith("#")]


def _program(seed: int, hash_seed: str) -> str:
    """Return what a process of its own says of a seed: its trace."""
    code = f"from tests.sim.world import Scene, simulate; print(simulate(Scene({seed}, devices=4, hours=0.05)).trace)"
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True).stdout.strip()


def test_the_same_seed_is_the_same_run_twice_and_in_other_processes() -> None:
    scene = Scene(3, devices=4, hours=0.05)
    first, second = simulate(scene), simulate(scene)
    assert first.trace == second.trace == _program(3, "1") == _program(3, "2")
    assert first.figures["messages"] == second.figures["messages"] > 50
    assert simulate(Scene(4, devices=4, hours=0.05)).trace != first.trace


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_seed_is_clean(seed: int) -> None:
    outcome = simulate(Scene(seed, **_SHORT))  # type: ignore[arg-type]
    assert outcome.complaints == []
    assert outcome.figures["readings"] > 100


def test_devices_that_come_by_real_websockets_lose_nothing_and_do_the_same_twice() -> None:
    scene = Scene(4, devices=4, hours=0.05, by_socket=True)
    first, second = simulate(scene), simulate(scene)
    assert first.complaints == []
    assert first.trace == second.trace
    assert first.figures["readings"] > 30


@pytest.mark.parametrize(("seed", "devices", "hours"), KEPT)
def test_a_seed_that_failed_once_is_clean(seed: str, devices: str, hours: str) -> None:
    assert simulate(Scene(int(seed), devices=int(devices), hours=float(hours))).complaints == []


@pytest.mark.parametrize("bug", sorted(BUGS))
def test_a_bug_put_in_on_purpose_is_found_within_fifty_seeds(bug: str) -> None:
    found = next((seed for seed in range(1, 51) if simulate(Scene(seed, bug=bug, **_SHORT)).complaints), None)  # type: ignore[arg-type]
    assert found is not None
