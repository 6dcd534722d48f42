"""What other nodes have changed of users, API tokens and web sessions: what it ends is ended here, too.

Owns the order alone: tokens hang on users. Told by hub.nodes.taking_in.
"""

from collections.abc import Sequence
from typing import Final

from hub.auth.auth import Auth
from hub.core.api_tokens import KIND as TOKEN
from hub.core.users import KIND as USER

SESSION: Final = "session"  # what a store calls a web session that was ended, by its hash in hex


class AuthTakingIn:
    """The memory of the credentials. Who has something open by a session is sessions/logins.py's."""

    def __init__(self, auth: Auth) -> None:
        self._auth = auth

    async def refresh(self, kind: str, keys: Sequence[str]) -> None:
        """Take in what another node has changed. Raises StoreUnavailable."""
        if (reload := {USER: self._auth.users.reload, TOKEN: self._auth.tokens.reload}.get(kind)) is not None:
            await reload()
        for key in keys if kind == SESSION else ():
            self._auth.ended(bytes.fromhex(key))

    async def reload(self) -> None:
        """Take in everything. Raises StoreUnavailable."""
        await self._auth.users.reload()
        await self._auth.tokens.reload()
        await self._auth.sessions.confirm_all()
