"""What every device connection shares: the parts of the hub it uses, the credit, the hints of when to come back.

Owns no connection; device.py and devices.py build on it, main.py fills it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from devices.link import ServerLink
from devices.wire import limits
from devices.wire.limits import CloseCode
from devices.wire.messages import Cancel, Channel, Command, Credit, Desired, Hello, Window
from devices.wire.session import ProtocolError
from hub.core.commands import CommandDesk, Deliver
from hub.core.presence import Pulse
from hub.core.registry import Registry
from hub.core.registry_series import lists_of
from hub.core.shadows import Shadows
from hub.journal import Journal, Owner
from hub.ports import Lease, Leases, Now
from hub.sessions.first_hop import FirstHop, FirstHops
from hub.sessions.outbox import AckClock
from hub.sessions.stored_acks import StoredAcks
from hub.sessions.windows import Windows

_NONE: Final = Window(0, 0)
_DISABLED_RETRY_S: Final = 60.0  # a person has to enable it first; then it is back within two minutes
_CONTESTED_RETRY_S: Final = 60.0  # as long as the other one is let alone; so often old epochs are forgotten, too
_PATIENT_RETRY_S: Final = 5.0  # a newer connection is mostly the same device: leave it in peace; and a failing hub too

HUB_FAILED: Final = ProtocolError(CloseCode.HUB_FAILING, "the hub failed; its log says why")


class IngestMetrics(FirstHops, Protocol):
    """What a device session counts."""

    def durable(self, seconds: float, /) -> None:
        """Count a frame and the time from its receipt to its commit."""

    def acked(self, seconds: float, /) -> None:
        """Count a frame and the time from its receipt to its ack."""

    def rejected(self, code: str) -> None:
        """Count a rejection by its code."""

    def ended(self, code: str) -> None:
        """Count the end of a connection by the name of its code."""


class Taking(Owner, Protocol):
    """What a connection takes in."""

    pulse: Pulse  # when it last did
    first_hop: FirstHop  # how long that was under way

    def silent_s(self) -> float:
        """Return for how long nothing came, since hello."""


class Connection(Protocol):
    """A device connection as the roster sees it."""

    device: str
    predecessors: list["Connection"]  # older connections whose frames may still be pending
    deliver: Deliver | None  # what the command desk knows this connection by
    lease: Lease | None  # on its device, once it has said hello
    end: ProtocolError | None  # why it ended, once it has
    peer_code: int | None  # what the device closed with, where it did

    @property
    def remote(self) -> str:
        """The device's address, for the log."""

    @property
    def link(self) -> ServerLink:
        """What it goes over."""

    def figures(self) -> Mapping[str, int]:
        """Return what is on its way: frames that are not durable, credit in use."""

    @property
    def intake(self) -> "Taking":
        """By which the journal knows its entries."""

    def switch_off(self, code: CloseCode, reason: str) -> None:
        """Take nothing more from now on, and end with this code."""

    def put_command(self, command: Command | Cancel | Desired) -> None:
        """Send a command soon, or that one is to be cancelled, or what is desired."""

    def restate_credit(self) -> None:
        """Tell the device its credit now."""


class Roster(Protocol):
    """Who is connected, as a connection sees it."""

    acks: AckClock  # shared by all connections

    async def take_over(self, newer: Connection) -> None:
        """Make `newer` the device's connection; return when nothing of an older one is pending. Raises ProtocolError."""

    def welcome(self, connection: Connection, hello: Hello) -> None:
        """Show the device online and give it the commands that wait for it."""

    async def leave(self, connection: Connection) -> None:
        """Forget a connection that ended, once nothing of it is pending."""


@dataclass(frozen=True, slots=True)
class DeviceParts:
    """The parts of the hub that a device connection uses."""

    journal: Journal
    registry: Registry
    desk: CommandDesk
    shadows: Shadows
    leases: Leases
    metrics: IngestMetrics
    now: Now
    hub_name: str
    restart_jitter_s: float = 15.0
    raw_retention_us: int = 0  # readings that are older when they come are rejected; 0: none is
    refuses: Callable[[Channel], str | None] = lambda channel: None  # why the history can hold no reading of a channel
    stored_acks: StoredAcks | None = None  # where acks wait for the history store
    round_trip_s: Callable[[ServerLink], float | None] = lambda link: None  # of the last ping that was answered
    windows: Windows = field(default_factory=Windows)

    def credit(self) -> Credit:
        """Return the windows that hold now."""
        reason = self.journal.holding
        return Credit(_NONE, _NONE, reason) if reason else self.windows.credit

    def limits(self) -> dict[str, int]:
        """Return the limits of a welcome."""
        told = {"frame_bytes": limits.MAX_MESSAGE_BYTES, "readings": limits.MAX_ARRAY, "future_s": limits.MAX_FUTURE_S}
        return told | ({"raw_retention_s": self.raw_retention_us // 1_000_000} if self.raw_retention_us else {})

    def check_channels(self, hello: Hello) -> None:
        """Refuse a device with a channel of which the history can hold no reading, or with too many series. Raises ProtocolError.

        Channels of unfinished epochs are let in: what cannot be stored of those is parked, and no spool is stuck.
        """
        for channel in hello.channels:
            if (reason := self.refuses(channel)) is not None:
                said = f"bad_hello: channel {channel.name[:64]!r} cannot be stored: {reason}"
                raise ProtocolError(CloseCode.BAD_HELLO, said[:400])
        if (reason := self.registry.refuses_series(hello.device, lists_of(hello))) is not None:
            raise ProtocolError(CloseCode.NO_ROOM, reason)

    def retry_hint(self, code: CloseCode) -> tuple[float | None, float | None]:
        """Return (retry_s, jitter_s) for a bye."""
        if not code.may_return:
            return None, None
        if code is CloseCode.DISABLED:
            return _DISABLED_RETRY_S, _DISABLED_RETRY_S
        if code in (CloseCode.CONTESTED, CloseCode.NO_ROOM):
            return _CONTESTED_RETRY_S, 15.0
        if code == CloseCode.RESTART:
            return 0.5, self.restart_jitter_s
        return (_PATIENT_RETRY_S, 5.0) if code in (CloseCode.TAKEN_OVER, CloseCode.HUB_FAILING) else (0.0, 1.0)
