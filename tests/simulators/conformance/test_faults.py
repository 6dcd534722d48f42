"""Clients with one planted fault each: the course finds every one, in the scenario that is about it."""

import shlex
import sys
from pathlib import Path

import pytest
import trio

from simulators.conformance.course import Wish, play_by_process
from simulators.conformance.scenario import Outcome, Scenario
from simulators.conformance.scenes import SCENARIOS

ROOT = Path(__file__).parents[3]
FAULTY = ROOT / "tests" / "support" / "faulty_device.py"
FAULTS = {
    "hole": ("numbering", "expected seq 4 of epoch"),
    "double": ("numbering", "4 came (came already, or is acked)"),
    "op-first": ("numbering", "expected e, s and op as the first entries"),
    "greedy": ("window", "expected at most 4 frames"),
    "no-marks": ("marks", "to be dropped: welcome had this mark"),
    "one-list": ("other-channels", "with the channels that it was numbered with"),
    "forgetful": ("reboot", "in `unfinished`"),
    "no-gaps": ("full-spool", "(a hole)"),
    "empty-gaps": ("full-spool", "0 readings are declared"),
    "other-reason": ("full-spool", "expected the reason spool_full"),
    "no-limits": ("smaller-frames", "expected frames of at most 8 readings"),
    "counts-anew": ("exactly-once", "expected each value of count once"),
    "runs-twice": ("command-twice", "it ran twice"),
    "no-fence": ("lower-fence", "expected no answer"),
    "impatient": ("bye", "expected it to wait at least retry_s"),
    "obstinate": ("stay-away", "expected it to stay away"),
    "no-jitter": ("backoff", "spread over 0...1"),
}


class Nobody:
    """Who is told nothing."""

    def begun(self, scenario: Scenario) -> None:
        pass

    def ended(self, outcome: Outcome) -> None:
        pass

    def say(self, text: str) -> None:
        pass


async def test_each_planted_fault_fails_the_scenario_that_is_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    found: dict[str, Outcome] = {}
    limiter = trio.CapacityLimiter(4)

    async def plant(fault: str, name: str) -> None:
        async with limiter:
            wish = Wish(tmp_path / fault, shlex.join([sys.executable, str(FAULTY), fault]))
            (found[fault],) = await play_by_process([each for each in SCENARIOS if each.name == name], wish, Nobody())

    async with trio.open_nursery() as nursery:
        for fault, (name, _) in FAULTS.items():
            nursery.start_soon(plant, fault, name)
    assert {fault: (outcome.word, FAULTS[fault][1] in outcome.why or outcome.why) for fault, outcome in found.items()} == dict.fromkeys(
        FAULTS, ("failed", True)
    )
