"""How much memory this process uses, and how much it may.

Owns where Linux says so; where it does not, nothing is bounded. Asked by strain.py twice a second.
"""

import os
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_CGROUPS: Final = Path("/sys/fs/cgroup")


def used_bytes() -> tuple[int, int]:
    """Return what is in memory, and what is addressed; (0, 0) where the system does not say."""
    try:
        addressed, resident = Path("/proc/self/statm").read_bytes().split()[:2]
    except (OSError, ValueError):
        return 0, 0
    return int(resident) * _PAGE_BYTES, int(addressed) * _PAGE_BYTES


def bound_bytes(setting_bytes: int) -> int:
    """Return how much may be in memory: the setting, or what the container or service has, or the machine; 0: nobody says."""
    machine = _PAGE_BYTES * os.sysconf("SC_PHYS_PAGES")
    return min(bound for bound in (setting_bytes, *_of_cgroup(), machine) if bound > 0)


def address_bound_bytes() -> int:
    """Return how much may be addressed (`ulimit -v`); 0: no bound."""
    return max(0, resource.getrlimit(resource.RLIMIT_AS)[0])


def _of_cgroup() -> Iterator[int]:
    """Yield the bounds of the control group, of both versions, and of those it is in."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, place = line.split(":", 2)
        if controllers in ("", "memory"):
            root, name = (_CGROUPS, "memory.max") if not controllers else (_CGROUPS / "memory", "memory.limit_in_bytes")
            folder = root / place.strip("/")
            for each in (folder, *folder.parents):
                if each.is_relative_to(root):
                    yield _number(each / name)


def _number(path: Path) -> int:
    """Return the number in a file; 0 where there is none, or it says `max`."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
