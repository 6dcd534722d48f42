"""Where one device under test connects: a listener, the connections as they come, and its power switch.

Owns the port and the order of connections; what is said on one is talk.py's. A scene takes connections one by one; one that nobody takes
waits. course.py makes a stand for each scenario where it can start clients, else one for all.
"""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import trio

from simulators.conformance.book import Book
from simulators.conformance.child import Child
from simulators.conformance.socket import Socket
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken
from simulators.conformance.windows import WIDE

MAX_WAITING: Final = 64  # connections that nobody has taken yet; more are cut at once
START_S: Final = 30.0  # until the first connection of a life: a loaded machine starts programs slowly
SLACK_S: Final = 5.0  # for a scheduler and a slow flash
LOOK_EVERY_S: Final = 0.5  # whether the client still runs
BY_HAND_S: Final = 300.0  # for a person to find the plug
MAX_BACKOFF_S: Final = 60.0


@dataclass
class Stand:
    """One device: its address, its name and token, what it said. `child` None: a person starts it."""

    host: str
    port: int
    device: str
    spool: Path | None = None
    command: str | None = None
    tell: Callable[[str], None] = lambda text: None
    token: str = field(default_factory=lambda: secrets.token_hex(24))
    book: Book = field(default_factory=Book)
    came_at: list[float] = field(default_factory=list)  # when each connection came
    fence: int = 0
    talk: Talk | None = None
    child: Child | None = None

    def __post_init__(self) -> None:
        self._outbox, self._inbox = trio.open_memory_channel[Socket](MAX_WAITING)
        self._came = trio.Event()
        self._started_at = 0  # index into came_at: what came since the last start

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Listen until cancelled; then every connection is cut and a child killed. Raises OSError where the port is taken."""
        try:
            async with trio.open_nursery() as nursery:
                listeners = await trio.open_tcp_listeners(self.port, host=self.host)
                self.port = listeners[0].socket.getsockname()[1]
                nursery.start_soon(trio.serve_listeners, self._serve, listeners)
                if self.command is not None and self.spool is not None:
                    self.child = Child(self.command, self.environment, self.spool.parent)
                task_status.started()
        finally:
            if self.child is not None:
                with trio.CancelScope(shield=True):
                    await self.child.kill()

    @property
    def url(self) -> str:
        """Where the device connects."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{shown}:{self.port}/v1/device"

    @property
    def environment(self) -> Mapping[str, str]:
        """What a client is told when it is started."""
        named = {"TRIBUTARY_URL": self.url, "TRIBUTARY_DEVICE": self.device, "TRIBUTARY_TOKEN": self.token}
        return named | ({"TRIBUTARY_SPOOL": str(self.spool)} if self.spool is not None else {})

    async def _serve(self, stream: trio.SocketStream) -> None:
        socket = Socket(stream)
        self.came_at.append(trio.current_time())
        self._came.set()
        self._came = trio.Event()
        try:
            self._outbox.send_nowait(socket)
            await socket.over.wait()
        except trio.WouldBlock:
            pass
        finally:
            socket.cut()

    async def power_on(self) -> None:
        """Start the client, or ask for it."""
        self.book.lives += 1
        self._started_at = len(self.came_at)
        if self.child is not None:
            await self.child.start()
        elif self.book.lives > 1:
            self.tell("start the client again now (where it runs, cut its power first)")

    async def power_off(self) -> None:
        """Cut the client's power, or ask for it, and its connection with it."""
        if self.child is not None:
            await self.child.kill()
        elif self.talk is not None and self.talk.closed is None:
            self.tell("cut the client's power now (kill the process; keep its spool)")
            talk = self.talk
            with trio.move_on_after(BY_HAND_S):
                while talk.closed is None:
                    await talk.listen(BY_HAND_S)
        if self.talk is not None:
            self.talk.cut()
        self.talk = None
        self._forget()

    async def reboot(self) -> None:
        """Cut the power and start the client again."""
        await self.power_off()
        await self.power_on()

    def _forget(self) -> None:
        """Cut the connections that nobody has taken."""
        while True:
            try:
                self._inbox.receive_nowait().cut()
            except trio.WouldBlock:
                return

    @property
    def patience_s(self) -> float:
        """How long the client may take to connect by the backoff of the protocol, given how often it did since its start."""
        if self.child is None:
            return BY_HAND_S if len(self.came_at) == self._started_at else MAX_BACKOFF_S + SLACK_S
        tries = len(self.came_at) - self._started_at
        if tries == 0:
            return START_S
        return min(MAX_BACKOFF_S, 2.0**tries) + SLACK_S

    async def socket(self, within_s: float | None = None) -> Socket:
        """Take the next connection and read its request. Raises Broken where none comes."""
        patience_s = self.patience_s if within_s is None else within_s
        deadline = trio.current_time() + patience_s
        while trio.current_time() < deadline and not self._end_of_client():
            socket: Socket | None = None
            with trio.move_on_at(min(deadline, trio.current_time() + LOOK_EVERY_S)):
                socket = await self._inbox.receive()
            if socket is not None and not socket.over.is_set():
                await socket.read_head()
                return socket
        raise Broken(f"expected a connection within {patience_s:.0f} s; none came{self._end_of_client()}")

    def _end_of_client(self) -> str:
        if self.child is None or self.child.ended is None:
            return ""
        return f": the client ended with exit code {self.child.ended} ({self.child.last_words()})"

    async def wait_for_next(self) -> float:
        """Wait until the next connection comes, without taking it; return after how many seconds. Raises Broken."""
        began, before = trio.current_time(), len(self.came_at)
        with trio.move_on_after(self.patience_s):
            while len(self.came_at) == before:
                await self._came.wait()
            return self.came_at[before] - began
        raise Broken(f"expected it to come back within {self.patience_s:.0f} s; it did not{self._end_of_client()}")

    def most_in_a_second(self) -> int:
        """Return how many connections came within one second at most."""
        times = self.came_at
        return max((sum(at <= each < at + 1.0 for each in times) for at in times), default=0)

    async def greet(self, within_s: float | None = None) -> Talk:
        """Let the next connection in and read its hello; welcome is the scene's to say. Raises Broken."""
        if self.talk is not None:
            self.talk.cut()
        self.talk = Talk(await self.socket(within_s), self.book)
        await self.talk.upgrade()
        await self.talk.read_hello()
        return self.talk

    async def connect(self, credit: Mapping[str, Any] = WIDE, **more: Any) -> Talk:
        """Let the next connection in and welcome it, as a hub does."""
        talk = await self.greet()
        self.fence += 1
        await talk.welcome(credit, **{"fence": self.fence, **more})
        return talk

    async def rest(self, for_s: float) -> None:
        """Leave the client in peace for a while; what it breaks meanwhile it breaks in the scene that follows."""
        with suppress(Broken):
            await (await self.ready()).listen(for_s)

    async def ready(self) -> Talk:
        """Return a connection on which all is well: the one there is, or the next, the client started where it was not."""
        talk = self.talk
        if talk is not None and talk.closed is None and not talk.socket.over.is_set():
            await talk.ack_all(WIDE)
            return talk
        if self.book.lives == 0 or (self.child is not None and self.child.ended is not None):
            await self.power_on()
        return await self.connect()
