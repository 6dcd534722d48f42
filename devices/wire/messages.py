"""Every message of the device protocol as one frozen type, every field with its unit.

Owns what a message is; not how it is written (codec.py) nor who may say it when (session.py). The types check nothing
themselves: what comes from a peer is checked by codec.py, what we make ourselves by the type checker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from devices.wire.kinds import CommandState as CommandState
from devices.wire.kinds import Kind as Kind
from devices.wire.pack import Pack as Pack
from devices.wire.shadow import Desired as Desired
from devices.wire.shadow import Reported as Reported
from devices.wire.shadow import ShadowState as ShadowState

Value = float | int | bool | str | tuple[float, float]
Args = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Channel:
    """One thing a device measures."""

    name: str
    unit: str = ""  # UCUM code, empty for a bare number
    kind: Kind = Kind.GAUGE
    min: float | None = None  # what the sensor can show, in `unit`; rejects nothing
    max: float | None = None
    resolution: float | None = None
    values: tuple[str, ...] | None = None  # the texts a state may take; None: bool


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """A command that a device takes."""

    name: str
    description: str = ""
    args: Args = field(default_factory=dict)  # argument name -> {"type", "min"?, "max"?, "unit"?, "default"?}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An epoch with unacked frames."""

    epoch: int
    first: int  # first unacked seq
    last: int  # last seq made
    channels: tuple[Channel, ...] | None = None  # where they differ from hello's


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a device says of one command."""

    id: str
    state: CommandState
    progress: float | None = None  # 0...1
    value: Any = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message of a device."""

    device: str
    epoch: int
    channels: tuple[Channel, ...]
    unfinished: tuple[Unfinished, ...] = ()
    commands: tuple[CommandSpec, ...] = ()
    results: tuple[Outcome, ...] = ()
    firmware: str = ""
    clock_us: int | None = None
    uptime_us: int | None = None
    interval_s: float | None = None
    sleep_s: float | None = None  # how long it may be away between two connections, on purpose
    max_message_bytes: int = 65_536
    shadow: ShadowState | None = None  # None: it takes no shadow
    fence: int | None = None  # the highest it was ever told


@dataclass(frozen=True, slots=True)
class Data:
    """Readings: three parallel sequences of channel position, offset from base_us, value."""

    epoch: int
    seq: int
    base_us: int | None  # None: the device can never date them
    channels: Sequence[int]
    offsets_us: Sequence[int]
    values: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Result:
    """A change of state of a command, numbered."""

    epoch: int
    seq: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Log:
    """A line of a device's log."""

    epoch: int
    seq: int
    level: str  # debug | info | warning | error
    time_us: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Frames `seq` to `last` are lost at the device; or, with `of`, the rest of another epoch up to `of_last`."""

    epoch: int
    seq: int
    last: int
    readings: int
    from_us: int | None
    to_us: int | None
    reason: str
    of: int | None = None
    of_last: int | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A numbered frame whose body breaks a rule; it takes its seq and is rejected."""

    epoch: int
    seq: int
    code: str  # bad_frame | unknown_op | unsupported
    reason: str


Frame = Data | Pack | Result | Reported | Log | Gap | Unreadable


@dataclass(frozen=True, slots=True)
class Window:
    """How much of one lane may be sent and not yet acked."""

    frames: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Credit:
    """The windows above the last ack, restated with each ack."""

    live: Window
    backfill: Window
    reason: str | None = None  # why a window is 0


@dataclass(frozen=True, slots=True)
class Welcome:
    """The hub's answer to hello."""

    time_us: int
    marks: tuple[tuple[int, int], ...]  # (epoch, highest durable seq)
    credit: Credit
    heartbeat_s: float
    hub: str
    limits: Args = field(default_factory=dict)
    reported: int | None = None  # number of the newest report that the hub has; None: the device takes no shadow
    fence: int | None = None  # of this connection: above every one before


@dataclass(frozen=True, slots=True)
class Ack:
    """Each (epoch, seq) and all before it are fsynced."""

    acks: tuple[tuple[int, int], ...]
    credit: Credit


@dataclass(frozen=True, slots=True)
class Reject:
    """A frame, or some of its readings, will not be stored; never send it again."""

    epoch: int | None
    seq: int | None
    code: str
    reason: str
    readings: tuple[tuple[int, str], ...] | None = None  # (index, code): the others are stored


@dataclass(frozen=True, slots=True)
class Command:
    """Something for the device to do, at most once."""

    id: str
    name: str
    args: Args
    ttl_s: float
    created_us: int
    fence: int | None = None  # of the connection that it was sent for


@dataclass(frozen=True, slots=True)
class Cancel:
    """Stop a command, or do not begin it."""

    id: str
    fence: int | None = None  # as in a command


@dataclass(frozen=True, slots=True)
class Bye:
    """The connection is about to be closed by the hub."""

    code: int  # the close code
    reason: str
    retry_s: float | None = None  # None: do not come back
    jitter_s: float | None = None
    expected: tuple[tuple[int, int], ...] | None = None  # (epoch, received + 1)


@dataclass(frozen=True, slots=True)
class UnknownOp:
    """A message of a later version: from a device it is answered, from a hub it is ignored."""

    op: str


FromHub = Welcome | Ack | Reject | Command | Cancel | Desired | Bye | UnknownOp
FromDevice = Hello | Frame | UnknownOp
