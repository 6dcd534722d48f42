"""Packs: which of their readings are stored, and their times and values as arrays, straight from the bytes of the frame.

Owns the rules of docs/protocol.md section 6 for packs, their point keys, and what the journal keeps of rejections:
[[code, little-endian uint16 indexes, or nil for every reading]...]. Plain code, numpy throughout: nothing is made per reading. A
device's intake judges by it, columns.py reads by it, also in worker threads.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgpack
import numpy as np
import numpy.typing as npt

from devices.wire.limits import MAX_FUTURE_S, MAX_PACK_READINGS, MAX_TIME_US
from devices.wire.messages import Channel, Kind, Pack, Reject
from hub.core.ingest import MAX_EQUAL_STAMPS

_NUMERIC: Final = (Kind.GAUGE, Kind.COUNTER)
_FUTURE_US: Final = MAX_FUTURE_S * 1_000_000
_FORMATS: Final[dict[str, np.dtype[Any]]] = {"f4": np.dtype("<f4"), "f8": np.dtype("<f8")}
_OFFSET: Final = np.dtype("<i4")
_INDEX: Final = np.dtype("<u2")
_RANKS: Final = np.arange(MAX_PACK_READINGS, dtype=np.int64)

Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


class Refused(NamedTuple):
    """Readings of a pack that are not stored, and why."""

    code: str
    indexes: Integers | None  # None: every one


def refused_of(pack: Pack, channels: Sequence[Channel], now_us: int, oldest_us: int = -MAX_TIME_US) -> list[Refused]:
    """Return what will not be stored of a pack, as what is older than `oldest_us`; mostly an empty list. No reading is named twice."""
    if pack.base_us is None:
        return [Refused("no_time", None)]
    if pack.channel >= len(channels):
        return [Refused("unknown_channel", None)]
    if channels[pack.channel].kind not in _NUMERIC:
        return [Refused("wrong_type", None)]
    values = np.frombuffer(pack.values, _FORMATS[pack.format])
    is_finite = np.isfinite(values)
    offsets_us = offsets_of(pack.step_ns, pack.offsets_us, len(values))
    first_us, last_us = pack.base_us + int(offsets_us.min()), pack.base_us + int(offsets_us.max())
    is_timely = first_us >= oldest_us and last_us <= now_us + _FUTURE_US
    is_spread = pack.step_ns is not None or len(values) <= MAX_EQUAL_STAMPS or bool((offsets_us[1:] > offsets_us[:-1]).all())
    if is_timely and is_spread and is_finite.all():
        return []
    return _sorted_out(pack.base_us + offsets_us, is_finite, now_us, oldest_us)


def _sorted_out(times_us: Integers, is_finite: Flags, now_us: int, oldest_us: int) -> list[Refused]:
    """Name each bad reading once, by the first rule it breaks."""
    is_good = np.ones(len(times_us), np.bool_)
    found = []
    for code, is_bad in (
        ("no_time", times_us < -MAX_TIME_US),
        ("future", times_us > now_us + _FUTURE_US),
        ("too_old", times_us < oldest_us),
        ("not_finite", ~is_finite),
    ):
        found.append((code, np.flatnonzero(is_good & is_bad)))
        is_good &= ~is_bad
    kept = np.flatnonzero(is_good)
    found.append(("same_time", kept[ranks_of_equal(times_us[kept]) >= MAX_EQUAL_STAMPS]))
    return [Refused(code, None if len(at) == len(times_us) else at) for code, at in found if len(at)]


def rejects_of(refused: Sequence[Refused]) -> bytes | None:
    """Return what the journal keeps of rejections; None where there are none."""
    if not refused:
        return None
    return bytes(msgpack.packb([[code, None if at is None else at.astype(_INDEX).tobytes()] for code, at in refused]))


def read_rejects(rejects: bytes) -> list[Refused]:
    """Read what `rejects_of` wrote."""
    return [Refused(code, None if at is None else np.frombuffer(at, _INDEX).astype(np.int64)) for code, at in msgpack.unpackb(rejects)]


def reject_of(pack: Pack, refused: Sequence[Refused]) -> Reject:
    """Say to the device what was refused: the whole frame, or readings by their index."""
    if refused[0].indexes is None:
        return Reject(pack.epoch, pack.seq, refused[0].code, f"every one of {pack.count} readings: {refused[0].code}")
    readings = sorted((index, code) for code, at in refused if at is not None for index in at.tolist())
    reason = f"{len(readings)} of {pack.count} readings: {', '.join(sorted(code for code, _ in refused))}"
    return Reject(pack.epoch, pack.seq, "readings", reason, tuple(readings))


def offsets_of(step_ns: int | None, offsets_us: bytes | None, count: int) -> Integers:
    """Return when each reading was, µs from the base. Do not write into it."""
    if step_ns is not None:
        return _regular(step_ns)[:count]
    return np.frombuffer(offsets_us or b"", _OFFSET).astype(np.int64)


@lru_cache(maxsize=16)  # a hub meets few sampling rates; 128 KB each
def _regular(step_ns: int) -> Integers:
    offsets_us = _RANKS * step_ns // 1_000
    offsets_us.setflags(write=False)
    return offsets_us


def ranks_of_equal(times_us: Integers) -> Integers:
    """Return for each reading how many with the same time came before it."""
    if (times_us[1:] > times_us[:-1]).all():
        return np.zeros(len(times_us), np.int64)
    order = np.argsort(times_us, kind="stable")
    ordered = times_us[order]
    is_first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    places = np.arange(len(order))
    ranks = np.empty(len(order), np.int64)
    ranks[order] = places - np.maximum.accumulate(np.where(is_first, places, 0))
    return ranks


class Readings(NamedTuple):
    """What of a pack is stored: point keys in ns, and values."""

    t_ns: Integers
    num: npt.NDArray[Any]  # float32 or float64, as sent


def readings_of(body: dict[str, Any], rejects: bytes | None, spread: int) -> Readings | None:
    """Return the stored readings of a journaled pack; None where every one was rejected.

    `spread` is what is added (mod 1,000) to the keys of the frame. Raises ValueError, KeyError or TypeError for what no intake lets in.
    """
    values = np.frombuffer(body["v"], _FORMATS[body["f"]])
    refused = read_rejects(rejects) if rejects is not None else ()
    rejected = [at for _, at in refused if at is not None]
    if len(rejected) < len(refused):
        return None  # nil stands for every reading
    offsets_us = offsets_of(body.get("step_ns"), body.get("d"), len(values))
    if len(offsets_us) != len(values):
        raise ValueError("times and values of a pack are not equally many")
    if rejected:
        is_kept = np.ones(len(values), np.bool_)
        is_kept[np.concatenate(rejected)] = False
        values, offsets_us = values[is_kept], offsets_us[is_kept]
    step_ns = body.get("step_ns")
    if step_ns is not None and step_ns >= 1_000:  # no two readings share a microsecond
        return Readings(offsets_us * 1_000 + (body["t"] * 1_000 + spread % 1_000), values)
    keys = (ranks_of_equal(offsets_us) + spread) % 1_000
    return Readings((offsets_us + body["t"]) * 1_000 + keys, values)
