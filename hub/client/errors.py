"""What a call to a hub can come back with instead of an answer.

Owns HubError and how an error body becomes one; the HTTP and the live side raise it.
"""

import json
import ssl
from collections.abc import Iterator
from typing import Final

from devices.client.opening import CERTIFICATE_HINT
from hub.core.errors import Refusal

_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "UNEXPECTED_MESSAGE", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


class HubError(Refusal):
    """The hub refused, or could not be asked (`unreachable`, `timeout`, `not_running`, `no_credential`, `closed`).

    `status` is the HTTP status, or the close code of a live connection.
    """


def causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what it came of, one after another."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def hint_for(error: BaseException, otherwise: str) -> str:
    """Return what to do about a hub that cannot be reached: what is wrong with TLS has an advice of its own."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CERTIFICATE_HINT
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            return "it speaks no TLS there: write http:// instead of https://"
    return otherwise


def refused(status: int, body: bytes) -> HubError:
    """Return the error for an answer with an error status; a body that is not the hub's own is not trusted to be short or text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "message" not in said:
        return HubError("bad_answer", f"HTTP status {status} without an explanation", "is this address a Tributary hub?", status)
    return HubError(str(said.get("code", "error")), str(said["message"]), str(said.get("hint", "")), status)
