"""Every series that is in a VictoriaMetrics, asked device by device where they are many: one answer holds 30,000 at most.

Owns that halving. Used by store.py.
"""

from collections.abc import Sequence
from typing import Final

from hub.core.records import Series
from hub.ports import StoreRefused
from hub.store.victoriametrics.questions import Questions, TooMuch, seconds
from hub.store.victoriametrics.selecting import METRIC, literal, of_devices, series_of

MAX_DEVICES: Final = 500  # in one question


async def list_series(questions: Questions, until_ms: int) -> list[Series]:
    """Return every series, by device, channel, unit. Raises StoreUnavailable."""
    everything = "{" + f"__name__={literal(METRIC)}" + "}"
    span = [("start", seconds(1)), ("end", seconds(until_ms))]
    try:
        labels = await questions.data("/api/v1/series", [("match[]", everything), *span])
    except TooMuch:
        devices = await questions.data("/api/v1/label/device/values", [("match[]", everything), *span])
        labels = await _of_devices(questions, devices, span)
    return sorted({series for each in labels if (series := series_of(each)) is not None})


async def _of_devices(questions: Questions, devices: Sequence[str], span: list[tuple[str, str]]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for at in range(0, len(devices), MAX_DEVICES):
        some = devices[at : at + MAX_DEVICES]
        try:
            for chosen in of_devices(some):
                found += await questions.data("/api/v1/series", [("match[]", chosen), *span])
        except TooMuch as error:
            if len(some) == 1:
                raise StoreRefused(f"VictoriaMetrics does not list the series of {some[0]!r}: {error}") from error
            found += await _of_devices(questions, some[: len(some) // 2], span)
            found += await _of_devices(questions, some[len(some) // 2 :], span)
    return found
