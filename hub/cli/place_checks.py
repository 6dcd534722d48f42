"""What doctor sees of the place where a hub stands: file system, bounds against the disk, tiers, the kernel's clock and queue.

Owns those checks; each takes what it judges, so that a bad place can be shown to it. Changes nothing. checks.py calls them.
"""

import ctypes
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from hub.cli.findings import Finding, Verdict
from hub.config import Settings

_NETWORK: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "lustre", "afs", "fuse.sshfs", "fuse.s3fs"})
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_LEAST_QUEUE: Final = 1_024  # connections that wait to be taken: below it a fleet that comes back is slowed by lost handshakes
_UNSYNCHRONISED: Final = 5  # TIME_ERROR of adjtimex(2)
_TIMEX_BYTES: Final = 512  # more than struct timex has


def existing(path: Path) -> Path:
    """Return the nearest folder above a path, or itself, that is there."""
    return next(each for each in (path, *path.parents) if each.is_dir())


def file_system(settings: Settings, mounts: Path = Path("/proc/self/mountinfo")) -> Iterator[Finding]:
    """Yield what is wrong with the kind of file system that the data directory is on."""
    kind = kind_of(existing(settings.data_dir).resolve(), mounts)
    if kind in _NETWORK:
        found = f"the data directory is on {kind}, a network file system: its locks and syncs are not to be relied on"
        yield Finding(Verdict.FAIL, "file system", found, "use a disk of this machine, and back up to the network: tributary backup")
    elif kind in _MEMORY:
        found = f"the data directory is on {kind}: everything in it is gone when this machine stops"
        yield Finding(Verdict.WARN, "file system", found, "use a disk, with --data-dir")
    elif kind == "overlay":
        found = "the data directory is in a container's own layer: it is gone with the container"
        yield Finding(Verdict.WARN, "file system", found, "mount a volume there: podman run -v tributary:/data")
    elif kind is not None:
        yield Finding(Verdict.OK, "file system", kind)


def kind_of(path: Path, mounts: Path) -> str | None:
    """Return the type of the file system that a path is on; None where this system does not say."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return None
    kinds: dict[Path, str] = {}
    for line in lines:
        mount, _, source = line.partition(" - ")
        kinds[Path(mount.split()[4].encode().decode("unicode_escape"))] = source.split()[0]  # blanks are written \040
    return next((kinds[each] for each in (path, *path.parents) if each in kinds), None)


def bounds(settings: Settings) -> Iterator[Finding]:
    """Yield where the bounds together are more than the disk has."""
    total = shutil.disk_usage(existing(settings.data_dir)).total
    wanted = int(settings.journal_max_bytes) + int(settings.history_max_bytes) + int(settings.min_free_bytes)
    if settings.history_max_bytes and wanted > total:
        parts = "journal_max_bytes, history_max_bytes and min_free_bytes"
        found = f"{parts} are {wanted:,} bytes together, the disk has {total:,}: devices hold back before the quota takes old readings"
        yield Finding(Verdict.WARN, "bounds", found, "lower history_max_bytes, or leave it 0: what the disk has")


def tiers(settings: Settings) -> Iterator[Finding]:
    """Yield where something narrow is kept for longer than what is wider. A day that is 0 is for ever."""
    if settings.store != "duckdb":
        return
    kept = [(name, getattr(settings, name) or float("inf")) for name in ("keep_raw_days", "keep_minutes_days", "keep_hours_days")]
    for (narrow, days), (wide, wide_days) in pairwise(kept):
        if wide_days < days:
            found = f"{wide} = {wide_days:g} is shorter than {narrow}: long views end before short ones do"
            yield Finding(Verdict.WARN, "retention", found, f"raise {wide}")


def listen_queue(place: Path = Path("/proc/sys/net/core/somaxconn")) -> Iterator[Finding]:
    """Yield where the kernel lets few connections wait. A system that does not say is left alone."""
    try:
        longest = int(place.read_text())
    except (OSError, ValueError):
        return
    if longest < _LEAST_QUEUE:
        found = f"{longest} connections may wait to be taken (net.core.somaxconn): a fleet that comes back at once is held up"
        yield Finding(Verdict.WARN, "listen queue", found, f"sysctl -w net.core.somaxconn={4 * _LEAST_QUEUE}")
    else:
        yield Finding(Verdict.OK, "listen queue", f"{longest} connections may wait to be taken")


def clock_state() -> int | None:
    """Return what adjtimex(2) says of the kernel's clock; None where this system has no such call."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (AttributeError, OSError):
        return None
    return int(adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)))  # modes 0: only asks


def synchronised(state: int | None) -> Iterator[Finding]:
    """Yield whether somebody keeps the clock right, as far as that is known."""
    if state == _UNSYNCHRONISED:
        found = "nobody keeps this machine's clock right: it drifts, and devices without a clock of their own take it over"
        yield Finding(Verdict.WARN, "clock", found, "start a time service: timedatectl set-ntp true, or chrony")
    elif state is None or state < 0:
        yield Finding(Verdict.OK, "clock", "plausible; whether somebody keeps it right this system does not say")
    else:
        yield Finding(Verdict.OK, "clock", "kept right by a time service")
