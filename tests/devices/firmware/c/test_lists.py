"""A new version of a program finds frames of the old one, which go by another list of channels."""

import subprocess

import pytest

from tests.support.c_programs import Build

pytestmark = pytest.mark.needs_server("cc")


def test_frames_of_another_list_of_channels_are_declared_and_never_misread(build: Build) -> None:
    done = subprocess.run([str(build("lists"))], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
