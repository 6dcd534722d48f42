"""A question to a hub whose connection may have been closed at the moment when it was asked.

Owns what is asked once more. A hub closes what says nothing for too long, and so does a proxy: just when this sends, or because this
process was not let run between connecting and sending. Called by http.py.
"""

from typing import Any, Final

import httpx

_CLOSED: Final = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)  # without an answer


async def asked(http: httpx.AsyncClient, method: str, path: str, **more: Any) -> httpx.Response:
    """Send a request and return its answer; what only asks is asked once more, of a change nobody knows. Raises httpx.HTTPError."""
    try:
        return await http.request(method, path, **more)
    except _CLOSED:
        if method != "GET":  # RFC 9110 section 9.2.2
            raise
        return await http.request(method, path, **more)
