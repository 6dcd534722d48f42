"""What the C client tells its program: that the hub refuses the device, that a report, a result or a text does not fit."""

import subprocess

import pytest

from tests.support.c_programs import SANITIZED, Build

pytestmark = pytest.mark.needs_server("cc")
SMALL = ("-DTRIBUTARY_FRAME_BYTES=256", "-DTRIBUTARY_KEPT_VALUE=64")


@pytest.mark.parametrize("sizes", [(), SMALL])
def test_refusals_are_told_and_tried_again_slowly_and_what_does_not_fit_is_an_error(build: Build, sizes: tuple[str, ...]) -> None:
    told = subprocess.run([str(build("told", *SANITIZED, *sizes))], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0, told.stderr
