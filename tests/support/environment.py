"""Where the tests run: on a developer's machine or in CI, and an environment that the hub's settings cannot leak into.

Owns those two questions. Used by conftest.py and by tests that start processes.
"""

import os
from collections.abc import Mapping

IS_CI = any(os.environ.get(name, "").lower() in ("1", "true", "yes") for name in ("TRIBUTARY_CI", "CI"))


def clean_environment(**more: str) -> Mapping[str, str]:
    """Return this process's environment without settings of a hub and without a way to this checkout."""
    kept = {
        key: value for key, value in os.environ.items() if not key.startswith("TRIBUTARY_") and key not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    return kept | more
