"""What a call to a hub can come back with instead of an answer.

Owns HubError and how an error body becomes one; the HTTP and the live side raise it.
"""

import json

from hub.core.errors import Refusal


class HubError(Refusal):
    """The hub refused, or could not be asked (`unreachable`, `timeout`, `not_running`, `no_credential`, `closed`).

    `status` is the HTTP status, or the close code of a live connection.
    """


def refused(status: int, body: bytes) -> HubError:
    """Return the error for an answer with an error status; a body that is not the hub's own is not trusted to be short or text."""
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "message" not in said:
        return HubError("bad_answer", f"HTTP status {status} without an explanation", "is this address a Tributary hub?", status)
    return HubError(str(said.get("code", "error")), str(said["message"]), str(said.get("hint", "")), status)
