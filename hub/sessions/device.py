"""One device connection: hello, welcome, then frames in and acks out until it ends.

Owns the order of things on one socket (docs/protocol.md part A): it decodes, lets the intake number and judge, and sends what the
outbox has. It never waits for storage while reading. Called by the door for each connection that was let in; devices.py keeps who
is connected.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from time import perf_counter
from typing import Final

import trio

from devices.link import LinkClosed, ServerLink
from devices.wire import limits
from devices.wire.codec import BadMessage, decode_from_device, encode
from devices.wire.limits import CloseCode
from devices.wire.messages import Bye, Cancel, Command, Desired, Frame, Hello, Reject, UnknownOp, Welcome
from devices.wire.session import DeviceSession, ProtocolError, State
from hub.core.commands import Deliver
from hub.ports import Lease
from hub.sessions.intake import Intake
from hub.sessions.intake_stored import StoredIntake
from hub.sessions.outbox import Outbox
from hub.sessions.parts import HUB_FAILED, Connection, DeviceParts, Roster

_GIVEN_UP: Final = (CloseCode.HEARTBEAT_LOST, CloseCode.POLICY)  # by the door
_LOST_PATIENCE_S: Final = 1.0  # for the last words to who has answered no ping: it is offline once they are said


class DeviceConnection:
    """A device on one link."""

    def __init__(self, device: str, link: ServerLink, parts: DeviceParts, roster: Roster) -> None:
        self.device = device
        self.predecessors: list[Connection] = []
        self.deliver: Deliver | None = None
        self.lease: Lease | None = None
        self.link = link
        self._parts = parts
        self._roster = roster
        self._session = DeviceSession(device)
        self._outbox = Outbox(roster.acks, link, parts.credit)
        make = Intake if parts.stored_acks is None else StoredIntake
        self._intake = make(device, link, self._session, self._outbox, parts)
        self._scope = trio.CancelScope()
        self._admitted_by = parts.registry.admission(device)
        self.end: ProtocolError | None = None
        self.peer_code: int | None = None

    @property
    def remote(self) -> str:
        """The device's address, for the log."""
        return self.link.remote

    def figures(self) -> Mapping[str, int]:
        """Return what is on its way: frames that are not durable, and of the credit what no ack has given back."""
        return self._session.figures()

    @property
    def intake(self) -> Intake:
        """By which the journal knows this connection's entries."""
        return self._intake

    async def run(self) -> None:
        """Serve the device until it leaves, breaks a rule, is taken over, or the hub stops (Cancelled: bye and 1012)."""
        end = HUB_FAILED
        try:
            with self._scope:
                end = await self._serve()
            end = self.end or end
        finally:
            self._session.close()
            if end.code is CloseCode.HUB_FAILING and trio.current_effective_deadline() == -math.inf:  # cancelled, nothing failed
                end = ProtocolError(CloseCode.RESTART, "the hub is stopping")
            self.end = end
            try:
                patience_s = _LOST_PATIENCE_S if end.code is CloseCode.HEARTBEAT_LOST else limits.CLOSE_TIMEOUT_S
                with trio.CancelScope(deadline=trio.current_time() + patience_s, shield=True):
                    await self._say_bye(end)
            finally:
                with trio.CancelScope(shield=True):
                    await self._roster.leave(self)

    async def _serve(self) -> ProtocolError:
        """Return how it ended."""
        try:
            hello = await self._hello()
            await self._open(hello)
            self._roster.welcome(self, hello)
            self._outbox.open()
            self.link.hand_to(self._take)
            while True:  # until the link ends or a rule is broken; here only where the link does not hand messages over
                self._take(await self.link.receive())
        except ProtocolError as error:  # a new one: this holds the calls that it came through, with the message and this connection
            return ProtocolError(error.code, error.reason, error.expected)
        except LinkClosed as closed:
            self.peer_code = closed.code
            return _end_of(closed)

    def switch_off(self, code: CloseCode, reason: str) -> None:
        """Take nothing more from now on, synchronously, and end the connection with this code."""
        self.link.hand_to(None)
        self._session.close()
        self.end = self.end or ProtocolError(code, reason)
        self._scope.cancel()

    def put_command(self, command: Command | Cancel | Desired) -> None:
        """Send a command soon, or that one is to be cancelled, or what is desired.

        Where too many wait the device does not read: the connection ends, and the next one gets them.
        """
        self._put(command)

    def _put(self, message: Command | Cancel | Desired | Reject) -> None:
        try:
            self._outbox.put(message)
        except trio.WouldBlock:
            self.switch_off(CloseCode.SLOW_READER, "the device does not read what it is told")

    def restate_credit(self) -> None:
        """Tell the device its credit now."""
        self._outbox.restate()

    async def _hello(self) -> Hello:
        with trio.move_on_after(limits.HELLO_TIMEOUT_S):
            while True:
                message = self._decoded(_binary(await self.link.receive()))
                self._session.receive(message)
                if isinstance(message, Hello):
                    self._intake.first_hop.said(message, self._parts.now(), perf_counter())
                    return message
                assert isinstance(message, UnknownOp)
                await self.link.send(encode(_unknown(message)))
        raise ProtocolError(CloseCode.HELLO_TIMEOUT, f"no hello within {limits.HELLO_TIMEOUT_S:g} s")

    async def _open(self, hello: Hello) -> None:
        """Take the device over, make its epochs durable, and welcome it."""
        if (end := self._parts.registry.ending(self.device, self._admitted_by)) is not None:
            raise ProtocolError(*end)  # nobody could drop the connection before hello
        self._parts.check_channels(hello)
        await self._roster.take_over(self)
        marks = await self._intake.open(hello)
        self.lease = await self._parts.leases.take(self.device, hello.fence or 0)
        self._parts.desk.came(self.device)
        if hello.results:  # only then is there a reason to wait for the state store
            await self._parts.desk.said(self.device, hello.results)
        credit = self._parts.credit()
        welcome = Welcome(
            time_us=self._parts.now(),
            marks=marks,
            credit=credit,
            heartbeat_s=limits.HEARTBEAT_S,
            hub=self._parts.hub_name,
            limits=self._parts.limits(),
            reported=None if hello.shadow is None else self._parts.shadows.reported_number(self.device),
            fence=self.lease.fence,
        )
        self._session.grant(credit)
        await self.link.send(encode(welcome))

    def _take(self, raw: bytes | str) -> None:
        """Take one message of a device that is streaming. Raises ProtocolError."""
        raw = _binary(raw)
        if self._intake.take_plain(raw):
            return
        message = self._session.receive(self._decoded(raw))
        if isinstance(message, UnknownOp):
            self._put(_unknown(message))
        elif not isinstance(message, Hello):
            self._intake.take(message, raw)

    def _decoded(self, message: bytes) -> Hello | Frame | UnknownOp:
        try:
            return decode_from_device(message)
        except BadMessage as error:
            if self._session.state is State.STREAMING:
                raise ProtocolError(CloseCode.BAD_FRAME, f"bad_frame: {error}", self._session.expected()) from None
            raise ProtocolError(CloseCode.BAD_HELLO, f"bad_hello: {error}") from None

    async def _say_bye(self, end: ProtocolError) -> None:
        self.link.hand_to(None)
        self._outbox.close()
        retry_s, jitter_s = self._parts.retry_hint(end.code)
        with trio.move_on_after(1.0):
            with suppress(LinkClosed):
                await self.link.send(encode(Bye(end.code, end.reason, retry_s, jitter_s, end.expected)))
        await self.link.aclose(end.code, end.reason)


def _binary(message: bytes | str) -> bytes:
    if isinstance(message, str):
        raise ProtocolError(CloseCode.TEXT, "a text message came where binary is due; send msgpack in binary messages")
    return message


def _unknown(message: UnknownOp) -> Reject:
    return Reject(None, None, "unknown_op", f"op {message.op} is not known")


def _end_of(closed: LinkClosed) -> ProtocolError:
    if closed.code in _GIVEN_UP:
        return ProtocolError(CloseCode(closed.code), closed.reason)
    return ProtocolError(CloseCode.NORMAL, f"the device closed: {closed}")
