"""A new version of a program finds frames of the ones before, which go by other lists of channels; the power goes at writes of such a life.

Here at every eleventh write under the sanitizers; `make firmware` does it at each.
"""

import os
import subprocess

import pytest

from tests.support.c_programs import Build

pytestmark = pytest.mark.needs_server("cc")
STEP = os.environ.get("TRIBUTARY_TEST_POWER_CUT_STEP", "11")


def test_frames_of_another_list_of_channels_are_neither_lost_nor_misread_wherever_the_power_goes(build: Build) -> None:
    lived = subprocess.run([str(build("lists")), STEP], capture_output=True, text=True, timeout=900)
    assert lived.returncode == 0, lived.stderr
    lives, writes = int(lived.stdout.split()[0]), int(lived.stdout.split()[3])
    assert lives >= writes // int(STEP) > 100
