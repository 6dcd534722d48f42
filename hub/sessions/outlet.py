"""The sending end of a viewer's connection: whole messages, one after the other, each within SEND_TIMEOUT_S.

Owns the encoding and what becomes of a message that is being sent when the hub stops. Used by one task of viewer.py.
"""

from collections.abc import Mapping
from typing import Any, Final

import trio

from devices.link import ServerLink
from devices.wire import limits
from devices.wire.limits import CloseCode
from hub.sessions.encoding import ViewerEnd, encoded

LAST_SEND_S: Final = 1.0


class Outlet:
    """Sends to one viewer."""

    def __init__(self, link: ServerLink, *, is_json: bool) -> None:
        self._link = link
        self._is_json = is_json
        self._sending = trio.CancelScope()

    async def send(self, message: Mapping[str, Any]) -> int:
        """Send a message; return its size in bytes. Raises as `send_raw` does."""
        raw = encoded(message, is_json=self._is_json)
        await self.send_raw(raw)
        return len(raw)

    async def send_raw(self, raw: bytes | str) -> None:
        """Send an encoded message whole; a cancelled one is given LAST_SEND_S, as half a message would leave no way to say goodbye.

        Raises LinkClosed, and ViewerEnd where nothing could be written for SEND_TIMEOUT_S.
        """
        await trio.lowlevel.checkpoint_if_cancelled()
        with trio.CancelScope(deadline=trio.current_time() + limits.SEND_TIMEOUT_S, shield=True) as self._sending:
            await self._link.send(raw)
        if self._sending.cancelled_caught:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise ViewerEnd(CloseCode.SLOW_VIEWER, f"nothing could be written for {limits.SEND_TIMEOUT_S:g} s")

    async def hurry_at_the_end(self) -> None:
        """Wait to be cancelled; then see to it that a message being sent takes LAST_SEND_S at most."""
        try:
            await trio.sleep_forever()
        finally:
            self._sending.deadline = min(self._sending.deadline, trio.current_time() + LAST_SEND_S)
