"""Series as PromQL selectors: exact matches with every literal escaped, as few selectors as a query may hold.

Owns the scheme of importing.py as a reader of PromQL sees it: metric `tributary_reading`, labels device, channel, unit, kind (an empty
unit is no label). Plain code; store.py and ranges.py call it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.victoriametrics.importing import METRIC

MAX_SELECTOR_CHARS: Final = 8_000  # -search.maxQueryLen is 16,384 bytes unless told otherwise
_REGEX_SPECIAL: Final = re.compile(r"([\\.+*?()|\[\]{}^$])")


def literal(text: str) -> str:
    """Return a text as a quoted PromQL literal. Everything but plain ASCII goes as an escape, so nothing ends it early."""
    return '"' + "".join(c if c.isascii() and c.isprintable() and c not in '"\\' else _escaped(c) for c in text) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}"


def pattern(texts: Iterable[str]) -> str:
    """Return a quoted regular expression (RE2, anchored by the server) that matches these texts and no other."""
    return literal("|".join(_REGEX_SPECIAL.sub(r"\\\1", text) for text in texts))


def matcher(label: str, texts: Sequence[str]) -> str:
    """Return the condition that a label has one of these values."""
    return f"{label}={literal(texts[0])}" if len(texts) == 1 else f"{label}=~{pattern(texts)}"


def of_device(device: str) -> str:
    """Return the selector of everything of a device."""
    return of_devices([device])[0]


def of_devices(devices: Sequence[str]) -> list[str]:
    """Return the selectors of everything of devices."""
    return ["{" + f"__name__={literal(METRIC)},{matcher('device', part)}" + "}" for part in _in_parts(devices)]


def selectors(wanted: Sequence[Series]) -> list[str]:
    """Return selectors that match the wanted series, and perhaps more of the same devices: the caller keeps those it asked for."""
    by_device: dict[str, set[tuple[str, str]]] = {}
    for series in wanted:
        by_device.setdefault(series.device, set()).add((series.channel, series.unit))
    alike: dict[frozenset[tuple[str, str]], list[str]] = {}
    for device, channels in by_device.items():
        alike.setdefault(frozenset(channels), []).append(device)
    return [each for channels, devices in alike.items() for each in _for_channels(sorted(channels), devices)]


def _for_channels(channels: Sequence[tuple[str, str]], devices: Sequence[str]) -> Iterable[str]:
    for some in _in_parts(sorted({channel for channel, _ in channels})):
        of_channels = [f"__name__={literal(METRIC)}", matcher("channel", some)]
        units = sorted({unit for channel, unit in channels if channel in some})
        if len(units) == 1:
            of_channels.append(matcher("unit", units))
        for part in _in_parts(devices):
            yield "{" + ",".join([*of_channels, matcher("device", part)]) + "}"


def _in_parts(texts: Sequence[str]) -> Iterable[Sequence[str]]:
    """Yield the texts in parts whose literals are half a selector at most."""
    begin = size = 0
    for at, text in enumerate(texts):
        cost = len(pattern([text]))
        if size + cost > MAX_SELECTOR_CHARS // 2 and at > begin:
            yield texts[begin:at]
            begin, size = at, 0
        size += cost
    if begin < len(texts):
        yield texts[begin:]


def series_of(labels: Mapping[str, str]) -> Series | None:
    """Return the series that labels mean; None where somebody else wrote them."""
    try:
        return Series(labels["device"], labels["channel"], labels.get("unit", ""), Kind(labels["kind"]))
    except (KeyError, ValueError):
        return None
