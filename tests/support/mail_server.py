"""A mail server on 127.0.0.1: as much of RFC 5321 as handing over a message takes, with STARTTLS and AUTH PLAIN.

Owns its listener and what it has taken; answers what the test says. Knows no hub.
"""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import partial
from typing import Any

import trio


class Lines:
    """A stream by lines."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self._received = b""

    async def line(self) -> str:
        while b"\r\n" not in self._received:
            chunk = await self.stream.receive_some()
            if not chunk:
                raise EOFError
            self._received += chunk
        line, _, self._received = self._received.partition(b"\r\n")
        return line.decode()

    async def say(self, text: str) -> None:
        await self.stream.send_all(text.encode() + b"\r\n")


@dataclass
class MailServer:
    """What is answered to a command instead of its usual answer (`RCPT TO:<nobody@...>` by its beginning), and what was taken."""

    answers: dict[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    is_tls_from_the_start: bool = False
    port: int = 0
    users: list[tuple[str, str]] = field(default_factory=list)  # who logged in
    taken: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)  # from, to, message

    async def handle(self, stream: Any) -> None:
        if self.is_tls_from_the_start:
            stream = trio.SSLStream(stream, self.tls, server_side=True)
        lines = Lines(stream)
        await lines.say("220 mail.example ESMTP")
        sender, recipients = "", list[str]()
        while True:
            command = await lines.line()
            verb = command.partition(" ")[0].upper()
            answer = next((said for begin, said in self.answers.items() if command.upper().startswith(begin.upper())), None)
            if verb == "QUIT":
                return await lines.say("221 bye")
            if answer is not None:
                await lines.say(answer)
            elif verb == "EHLO":
                await lines.say("250-mail.example\r\n250-AUTH PLAIN\r\n250 STARTTLS")
            elif verb == "STARTTLS":
                await lines.say("220 go on")
                lines = Lines(trio.SSLStream(lines.stream, self.tls, server_side=True))
            elif verb == "AUTH":
                _, user, password = base64.b64decode(command.split()[2]).decode().split("\0")
                self.users.append((user, password))
                await lines.say("235 welcome")
            elif verb == "DATA":
                await lines.say("354 go on")
                self.taken.append((sender, recipients, await _message(lines)))
                recipients = []
                await lines.say("250 taken")
            else:
                place = command.partition("<")[2].partition(">")[0]
                sender, recipients = (place, []) if verb == "MAIL" else (sender, [*recipients, place] if verb == "RCPT" else recipients)
                await lines.say("250 ok")


async def _message(lines: Lines) -> EmailMessage:
    raw = []
    while (line := await lines.line()) != ".":
        raw.append(line.removeprefix("."))
    message = message_from_bytes("\r\n".join(raw).encode(), policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


@asynccontextmanager
async def running(server: MailServer) -> AsyncIterator[MailServer]:
    """Listen until the block is left."""

    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            try:
                await server.handle(stream)
            except (EOFError, trio.BrokenResourceError):
                return  # who spoke is gone

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, handle, server.port, host="127.0.0.1"))
        server.port = int(listeners[0].socket.getsockname()[1])
        yield server
        nursery.cancel_scope.cancel()
