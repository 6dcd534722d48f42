"""All signals of one device: columns of values for an audit, rows and bursts for sending.

Owns how signals become readings; what they are is the signals' affair, how a device is described plan.py's. Holds nothing of what it gave:
the same times give the same values, in any order and in any process.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

import numpy as np

from devices.wire.messages import Channel, Value
from simulators.sensors.machine import Vibration
from simulators.sensors.noise import SECOND_US, Flags, Times
from simulators.sensors.signal import Signal, Values
from simulators.sensors.wrong import SensorFault


class Column(NamedTuple):
    """The values of one channel at the times asked for. `made`: there is a reading; `sound`: and it is one a hub stores."""

    channel: str
    values: Values
    made: Flags
    sound: Flags


class Burst(NamedTuple):
    """Samples of one channel for Device.send_pack: value i is of start_us + i * step_ns // 1000."""

    channel: str
    start_us: int
    step_ns: int
    values: Values  # float32

    @property
    def times_us(self) -> Times:
        """The time of each sample, as the hub stores it."""
        return burst_times(self.start_us, self.step_ns, len(self.values))


class Sensor:
    """The signals of one device, by channel in the order of hello."""

    def __init__(self, device: str, signals: Mapping[str, Signal]) -> None:
        self.device = device
        self.signals = dict(signals)
        self.channels: tuple[Channel, ...] = tuple(signal.declared() for signal in signals.values())

    @cached_property
    def sampled(self) -> dict[str, Vibration]:
        """The channels that come in bursts, with what says when."""
        found = {name: _innermost(signal) for name, signal in self.signals.items()}
        return {name: signal for name, signal in found.items() if isinstance(signal, Vibration)}

    @cached_property
    def plain(self) -> tuple[str, ...]:
        """The channels that come reading by reading."""
        return tuple(name for name in self.signals if name not in self.sampled)

    def column(self, channel: str, times_us: Times) -> Column:
        """Return the values of any channel at these times: what the hub must have stored wherever the column is sound, and only there.

        Raises KeyError for a channel that is not there.
        """
        signal = self.signals[channel]
        values, made = signal.at(times_us), signal.made(times_us)
        return Column(channel, values, made, made & np.isfinite(values) if values.dtype.kind == "f" and values.ndim == 1 else made)

    def value(self, channel: str, time_us: int) -> Value | None:
        """Return the one value that must be stored at a time, None where there is none. Slow beside `column`."""
        column = self.column(channel, np.array([time_us]))
        return _plain_values(column)[0] if column.sound[0] else None

    def rows(self, times_us: Times, *, with_unsound: bool = False) -> Iterator[tuple[int, dict[str, Value]]]:
        """Yield the readings of each time, for Device.send_many; a channel without one is left out, a time without any too.

        A value that is no number is left out unless `with_unsound`: Device.send refuses a frame with one. Give many times at once, some
        dozens: a row of one alone costs as much as all of them.
        """
        columns = [self.column(channel, times_us) for channel in self.plain]
        kept = [(column.made if with_unsound else column.sound).tolist() for column in columns]
        names = self.plain
        if all(map(all, kept)):
            for time_us, *row in zip(times_us.tolist(), *map(_plain_values, columns), strict=True):
                yield time_us, dict(zip(names, row, strict=True))
            return
        values = [_plain_values(column) for column in columns]
        for at, time_us in enumerate(times_us.tolist()):
            present = {name: values[n][at] for n, name in enumerate(names) if kept[n][at]}
            if present:
                yield time_us, present

    def bursts(self, from_us: int, to_us: int) -> Iterator[Burst]:
        """Yield the bursts that begin within from_us...to_us (not included), channel by channel; none with a hole in it."""
        for channel, vibration in self.sampled.items():
            every_us = int(vibration.every_s * SECOND_US)
            phase_us = int(vibration.draw("burst") * every_us)
            first_us = -((phase_us - from_us) // every_us) * every_us + phase_us
            for start_us in range(first_us, to_us, every_us):
                column = self.column(channel, burst_times(start_us, vibration.step_ns, vibration.samples))
                if column.sound.all():
                    yield Burst(channel, start_us, vibration.step_ns, column.values)


def burst_times(start_us: int, step_ns: int, count: int) -> Times:
    """Return the stamps of a burst's samples, as docs/protocol.md has them for a pack with a regular step."""
    return start_us + np.arange(count, dtype=np.int64) * step_ns // 1_000


def _innermost(signal: Signal) -> Signal:
    while isinstance(signal, SensorFault):
        signal = signal.inner
    return signal


def _plain_values(column: Column) -> list[Value]:
    values: list[Value] = column.values.tolist()
    return [tuple(pair) for pair in values] if column.values.ndim == 2 else values  # type: ignore[arg-type, misc]
