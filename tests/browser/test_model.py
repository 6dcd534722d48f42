"""The page's model and its lines, tested by node's own test runner: model.test.mjs holds the tests.

Runs them as one test here, so that they count wherever the Python tests do.
"""

import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).with_name("model.test.mjs")


@pytest.mark.needs_server("node")
def test_the_page_applies_the_rules_of_the_protocol() -> None:
    done = subprocess.run(["node", "--test", str(TESTS)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
