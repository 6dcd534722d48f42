"""What a call to a hub can come back with instead of an answer.

Owns HubError and how an error body becomes one; the HTTP and the live side raise it.
"""

import json
import ssl

from devices.client.opening import CERTIFICATE_HINT
from hub.core.errors import Refusal


class HubError(Refusal):
    """The hub refused, or could not be asked (`unreachable`, `timeout`, `not_running`, `no_credential`, `closed`).

    `status` is the HTTP status, or the close code of a live connection.
    """


def hint_for(error: BaseException, otherwise: str) -> str:
    """Return what to do about a hub that cannot be reached: a certificate that is not trusted has an advice of its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return CERTIFICATE_HINT
        cause = cause.__cause__ or cause.__context__
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
