"""A door whose device sessions echo, over TCP or TLS, and a client that says a script to it.

Owns nothing of the hub; the door, its sockets and its settings are the real ones. Used by the case table.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import trio
import trustme

from devices.link import ServerLink
from hub.auth import Principal
from hub.web.door import Door
from hub.web.settings import DoorSettings
from tests.support.door import plain_app, upgrade
from tests.support.rfc6455 import Ear, close
from tests.support.rfc6455_echo import Answered, Echo, Pause, Script

_RECEIVE_BYTES: Final = 65_536
_HANGS_S: Final = 300.0  # only a hang takes as long: single bytes, ten connections at a time, on a busy machine


class Encryption:
    """A certificate for 127.0.0.1, and a client that trusts it."""

    def __init__(self, directory: Path) -> None:
        authority = trustme.CA()
        self.certificate = directory / "hub.pem"
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(self.certificate)
        self.context = ssl.create_default_context()
        authority.configure_trust(self.context)


class _AnyDevice:
    """Takes every token for the name of a device."""

    def device_of(self, token: str) -> str | None:
        return token

    async def principal(self, headers: Mapping[str, str]) -> Principal | None:
        return None

    async def may_be_new(self, address: str) -> None:
        """Nobody makes any elsewhere."""

    async def wrong_token(self, address: str) -> None:
        raise AssertionError("every token is good here")


class EchoDoor:
    """A running door; each connection is served by the echo it was opened with."""

    def __init__(self, encryption: Encryption | None) -> None:
        self._context = encryption.context if encryption else None
        self._echoes: dict[str, Echo] = {}
        self._ends: dict[str, trio.Event] = {}
        certificate = encryption.certificate if encryption else None
        self.door = Door(
            settings=DoorSettings(port=0, tls_certificate=certificate),
            auth=_AnyDevice(),
            app=plain_app,
            serve_device=self._serve_device,
            serve_viewer=self._serve_viewer,
        )
        self.address = ("", 0)

    async def _serve_device(self, device: str, link: ServerLink) -> None:
        try:
            await self._echoes.pop(device).serve(link)
        finally:
            self._ends.pop(device).set()

    async def _serve_viewer(self, principal: Principal, link: ServerLink, encoding: str) -> None:
        raise NotImplementedError

    async def _connect(self) -> trio.abc.Stream:
        stream = await trio.open_tcp_stream(*self.address)
        stream.setsockopt(trio.socket.IPPROTO_TCP, trio.socket.TCP_NODELAY, 1)
        if self._context is None:
            return stream
        # The end of TCP is enough of an end: what counts is whether the Close came.
        return trio.SSLStream(stream, self._context, server_hostname="127.0.0.1", https_compatible=True)

    async def say(self, script: Script, echo: Echo, *, leaves: bool) -> Ear:
        """Say the script on a new connection, and return what was heard when it and its session have ended."""
        device, end = f"device-{id(echo)}", trio.Event()
        self._echoes[device], self._ends[device] = echo, end
        with trio.fail_after(_HANGS_S):
            stream = await self._connect()
            client = _Client(stream)
            try:
                await client.run(device, script, leaves=leaves)
            finally:
                await trio.aclose_forcefully(stream)
            await end.wait()
        client.ear.end()
        return client.ear


class _Client:
    """Says a script on a socket while it listens."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self.ear = Ear()
        self._stream = stream
        self._moved = trio.Event()
        self._has_ended = False

    async def run(self, token: str, script: Script, *, leaves: bool) -> None:
        await self._stream.send_all(upgrade(Authorization=f"Bearer {token}"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            try:
                await self._say(script)
                if leaves:
                    await self._leave()
                else:
                    await self._until(lambda: self.ear.has_heard_close or self._has_ended)
                    await self._stream.send_all(close())  # an answer; where the hub has heard one, nobody minds
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                pass  # the hub ended it: what it said is what counts

    async def _say(self, script: Script) -> None:
        await self._until(lambda: bool(self.ear.head))
        for step in script:
            match step:
                case bytes():
                    await self._stream.send_all(step)
                case Answered():
                    await self._until(partial(step.by, self.ear))
                case Pause():
                    pass  # nobody can tell when a socket is at rest

    async def _leave(self) -> None:
        if isinstance(self._stream, trio.SocketStream):
            await self._stream.send_eof()
        else:
            await self._stream.aclose()

    async def _until(self, is_true: Callable[[], bool]) -> None:
        while not is_true():
            self._moved = trio.Event()
            await self._moved.wait()

    async def _listen(self) -> None:
        try:
            while data := await self._stream.receive_some(_RECEIVE_BYTES):
                self.ear.hear(bytes(data))
                self._moved.set()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # a reset is an end as well
        self._has_ended = True
        self._moved.set()


@asynccontextmanager
async def running_echo_door(encryption: Encryption | None) -> AsyncIterator[EchoDoor]:
    """Run a door until the block is left; no connection may have failed by an error of ours."""
    echo_door = EchoDoor(encryption)
    async with trio.open_nursery() as nursery:
        echo_door.address = await nursery.start(echo_door.door.run)
        yield echo_door
        nursery.cancel_scope.cancel()
    assert echo_door.door.failed == 0
