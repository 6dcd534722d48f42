"""The C client whose power goes at a write of its flash, torn bytes and all: nothing kept is lost, nothing comes or runs twice.

Here at every seventh write under the sanitizers; `make firmware` does it at each.
"""

import os
import subprocess

import pytest

from tests.support.c_programs import Build

pytestmark = pytest.mark.needs_server("cc")
STEP = os.environ.get("TRIBUTARY_TEST_POWER_CUT_STEP", "7")


def test_every_power_cut_leaves_each_reading_once_and_no_command_twice(build: Build) -> None:
    lived = subprocess.run([str(build("power_cut")), "1", STEP], capture_output=True, text=True, timeout=900)
    assert lived.returncode == 0, lived.stderr
    lives, writes = int(lived.stdout.split()[0]), int(lived.stdout.split()[3])
    assert lives >= writes // int(STEP) > 100
