"""The hub says that the C client's epoch is another's, and the device is reset at once, or its power goes at any write from there on."""

import subprocess

import pytest

from tests.support.c_programs import Build

pytestmark = pytest.mark.needs_server("cc")


def test_a_number_that_the_hub_refused_is_never_said_again_after_a_reset_or_a_power_cut(build: Build) -> None:
    lived = subprocess.run([str(build("epoch_used"))], capture_output=True, text=True, timeout=120)
    assert lived.returncode == 0, lived.stderr
    assert int(lived.stdout.split()[0]) > 700
