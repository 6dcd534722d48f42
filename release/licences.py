"""Whether what the product needs may be given away with it: an allow-list of licences, by their names in SPDX.

Owns the list; asks packages.py what is installed, and no network. Called by `make release`, and by a test for every package of the lock.
"""

import re
from collections.abc import Iterable
from typing import Final

from release.packages import Package

# Those that ask for no more than to be named, and MPL-2.0, which asks for the source of its own files alone.
ALLOWED: Final = frozenset(
    {"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Unlicense", "Zlib"}
)


def refused(packages: Iterable[Package]) -> list[str]:
    """Return, for each package that may not be used, a line that says why."""
    return [
        f"{each.name} {each.version} is under {each.licence}, which is not among {', '.join(sorted(ALLOWED))}"
        for each in packages
        if not is_allowed(each.licence)
    ]


def is_allowed(expression: str) -> bool:
    """Tell whether an expression of SPDX can be met by licences of the list: each of an AND, one of an OR."""
    if "(" in expression:  # the innermost first
        inner = re.search(r"\(([^()]*)\)", expression)
        return inner is not None and is_allowed(expression.replace(inner[0], "MIT" if is_allowed(inner[1]) else "not-allowed"))
    return any(all(name.strip() in ALLOWED for name in either.split(" AND ")) for either in expression.split(" OR "))
