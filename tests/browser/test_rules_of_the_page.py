"""The page's own rules without a browser: each *.test.mjs beside this file, run by Node. Needs node.

What they load is pure: no screen, no socket.
"""

import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs_server("node")
FOLDER = Path(__file__).parent


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.test.mjs")))
def test_the_rules_hold(name: str) -> None:
    done = subprocess.run(["node", "--test", name], cwd=FOLDER, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
