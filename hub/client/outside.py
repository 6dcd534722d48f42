"""Who answers at an address, asked as a stranger: no credential is sent, and none is asked for.

Owns that one request; judges nothing. `tributary doctor` asks at the public address of a hub.
"""

import ssl
from typing import Final, NamedTuple

import httpx

from hub.client.errors import HubError

_ANSWER_S: Final = 5.0


class Answered(NamedTuple):
    """What came back; `sent_on_to` is where a redirect leads, empty where it is none."""

    status: int
    text: str
    sent_on_to: str


async def health_at(url: str) -> Answered:
    """Ask for /healthz below an address. Raises HubError where nothing answers within 5 s, or with a certificate that is not trusted."""
    try:
        async with httpx.AsyncClient(timeout=_ANSWER_S, trust_env=False, verify=ssl.create_default_context()) as client:
            answer = await client.get(f"{url}/healthz")
    except httpx.HTTPError as error:
        said = f"nothing answers at {url} from here: {str(error) or type(error).__name__}"
        raise HubError("unreachable", said, "look at the proxy's log, and ask from outside as well") from None
    return Answered(answer.status_code, answer.text.strip(), answer.headers.get("location", "")[:200] if answer.is_redirect else "")
