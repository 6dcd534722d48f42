"""A hub that means harm against the C client under the sanitizers: mutated messages, fragments, answers to the upgrade.

Of each seed 100,000 rounds, or TRIBUTARY_TEST_FUZZ_ROUNDS.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.c_programs import Build

VECTORS = json.loads((Path(__file__).parents[3] / "vectors/vectors.json").read_text())
ROUNDS = os.environ.get("TRIBUTARY_TEST_FUZZ_ROUNDS", "100000")
pytestmark = pytest.mark.needs_server("cc")


@pytest.mark.parametrize("seed", ["1", "2"])
def test_hostile_hub_neither_crashes_it_nor_keeps_it_away(build: Build, seed: str) -> None:
    begin = "".join(f"{each['hex']}\n" for each in (*VECTORS["good"], *VECTORS["refused"]) if len(each["hex"]) < 8_192)
    fuzzed = subprocess.run([str(build("fuzz")), ROUNDS, seed], input=begin, capture_output=True, text=True, timeout=600)
    assert fuzzed.returncode == 0, fuzzed.stderr[-2_000:]
