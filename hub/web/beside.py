"""The nodes beside this one, as the door has them: where each is, and what is believed of a request that one of them hands on.

Owns the header that such a request bears, and that only who has the token of the nodes is believed. Used by visit.py before a request is
counted or answered, and by ways/, which hand requests on.
"""

import hmac
from collections.abc import Callable
from typing import Final, NamedTuple

from hub.core.errors import Refusal
from hub.web.proxies import Outside

HANDED_ON: Final = "tributary-handed-on"  # the token of the nodes, how the client spoke (http, https), its address
_SCHEMES: Final = {"http": False, "https": True}


class OtherNodes(NamedTuple):
    """What is known here of the cluster."""

    own: str  # the name of this node
    url_of: Callable[[str], str | None]  # of a node that lives; None: there is no such node
    token: Callable[[], str]  # what nodes show each other

    def telling(self, scheme: str, client: str) -> str:
        """Return what a request says of itself that is handed on."""
        return f"{self.token()} {scheme} {client}"

    def believed(self, said: str) -> Outside:
        """Return a request as it came to the node that hands it on. Raises Refusal 503 where that is none of ours, or not yet."""
        token, _, rest = said.partition(" ")
        scheme, _, client = rest.partition(" ")
        own = self.token()
        if not own or not hmac.compare_digest(token.encode(), own.encode()) or scheme not in _SCHEMES:
            raise Refusal("busy", "this was handed on by a node whose token is not known here now", "send it again", 503)
        return Outside((client, 0), _SCHEMES[scheme])
