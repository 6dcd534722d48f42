"""What a database on the network answered instead of what was asked: is it to be tried later, never again, or a wrong setting?

Owns the one table of that, for writes and queries alike, and the sentence a person reads, which names the setting and what to do. Holds
no connection. Called by calls.py with whatever influxdb-client and urllib3 raise.
"""

import json
import random
import re
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any, Final

import urllib3
from influxdb_client.rest import ApiException

from hub.ports import StoreRefused, StoreUnavailable

MAX_RETRY_AFTER_S: Final = 300.0  # who says more is asked again after so long
MAX_SAID: Final = 300  # characters of the database's own words
_TOKEN: Final = re.compile(r"[!-~]{1,4096}")


@dataclass(frozen=True, slots=True)
class Database:
    """Which database is meant, for sentences. `url` holds no credential."""

    name: str
    url: str
    place: str  # what must exist there: "bucket 'b' of organization 'o'"; "" where there is no such thing
    cure: str = "correct store"  # where the place is missing


class _Means(Enum):
    LATER = "it may work later"
    NEVER = "some reading in it is to blame"
    SETTING = "somebody must correct a setting; until then it is tried again"


# Status of an answer -> what it means, and what is said. `said` are the database's own words.
_BY_STATUS: Final[dict[int, tuple[_Means, str]]] = {
    400: (_Means.NEVER, "{name} refuses what was sent: {said}"),
    401: (_Means.SETTING, "{name} at {url} does not take the token: set store_token to one that may read and write {place}"),
    403: (_Means.SETTING, "the token of {name} at {url} may not do this: set store_token to one that may read and write {place}"),
    404: (_Means.SETTING, "{name} at {url} has no {place} ({said}): {cure}"),
    413: (_Means.NEVER, "{name} takes no request of this size: {said}"),
    422: (_Means.NEVER, "{name} refuses what was sent: {said}"),
    429: (_Means.LATER, "{name} at {url} asks for a pause: {said}"),
    503: (_Means.LATER, "{name} at {url} is not ready: {said}"),
}
_REDIRECT: Final = (_Means.SETTING, "{name} at {url} sends elsewhere, which is not followed: write its own address into store")
_SERVER_ERROR: Final = (_Means.LATER, "{name} at {url} answered {status}: {said}")
_STRANGE: Final = (_Means.SETTING, "what listens at {url} answered {status}, as {name} never does: correct store ({said})")
# Exceptions, the first that fits.
_BY_TYPE: Final[tuple[tuple[type[Exception], _Means, str], ...]] = (
    (urllib3.exceptions.SSLError, _Means.SETTING, "no TLS with {name} at {url}: {said}; correct the scheme in store, or its certificate"),
    (urllib3.exceptions.NewConnectionError, _Means.LATER, "{name} cannot be reached at {url}: start it, or correct store ({said})"),
    (urllib3.exceptions.TimeoutError, _Means.LATER, "{name} at {url} does not answer in time"),
    (urllib3.exceptions.ProtocolError, _Means.LATER, "the connection to {name} at {url} broke: {said}"),
    (urllib3.exceptions.HTTPError, _Means.LATER, "{name} at {url} does not answer as it should: {said}"),
    (OSError, _Means.LATER, "{name} at {url}: {said}"),
    (ValueError, _Means.LATER, "{name} at {url} answered what makes no sense: {said}"),
)
EXPECTED: Final[tuple[type[Exception], ...]] = (ApiException, *(kind for kind, _, _ in _BY_TYPE))


def failure_of(error: Exception, database: Database, *, is_write: bool) -> StoreUnavailable | StoreRefused:
    """Return what the port knows for what a call raised; a query is never refused, as no reading is to blame for it."""
    status, said, retry_after_s = 0, _plain(str(error)), 0.0
    if isinstance(error, ApiException) and (status := int(error.status or 0)):
        said = said_in(error.body)
        retry_after_s = _retry_after_s(error.headers or {})
        means, text = _of_status(status)
    elif isinstance(error, ApiException):  # influxdb-client makes this of urllib3's SSLError
        said = _plain(str(error.reason))
        _, means, text = _BY_TYPE[0]
    else:
        means, text = next((means, text) for kind, means, text in _BY_TYPE if isinstance(error, kind))
    names = {"name": database.name, "url": database.url, "place": database.place or "it", "cure": database.cure}
    message = text.format(**names, said=said or "without a reason", status=status)
    if means is _Means.NEVER and is_write:
        return StoreRefused(message)
    return StoreUnavailable(message, retry_after_s=_jittered(retry_after_s))


def token_refusal(token: str | None) -> str | None:
    """Return why a token cannot be sent at all; None where it can."""
    if token is None or _TOKEN.fullmatch(token):
        return None
    return "store_token has characters that no HTTP header holds: copy it again, without blanks and line breaks"


def said_in(body: Any) -> str:
    """Return the database's own words in the body of a refusal, made plain and short."""
    text = body.decode(errors="replace") if isinstance(body, bytes) else str(body or "")
    try:
        found = json.loads(text)
    except ValueError:
        return _plain(text)
    message = (found.get("message") or found.get("error") or found.get("status")) if isinstance(found, dict) else None
    return _plain(str(message or text))


def _of_status(status: int) -> tuple[_Means, str]:
    if 300 <= status < 400:
        return _REDIRECT
    return _BY_STATUS.get(status) or (_SERVER_ERROR if status >= 500 else _STRANGE)


def _plain(text: str) -> str:
    shown = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * MAX_SAID]).split())
    return shown if len(shown) <= MAX_SAID else shown[: MAX_SAID - 3] + "..."


def _retry_after_s(headers: Any) -> float:
    """Return what Retry-After says (RFC 9110 section 10.2.3), a date measured against the answer's own; 0 where it says nothing."""
    given = str(headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", given):
        return min(float(given), MAX_RETRY_AFTER_S)
    try:
        pause_s = (parsedate_to_datetime(given) - parsedate_to_datetime(str(headers.get("Date")))).total_seconds()
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return min(max(pause_s, 0.0), MAX_RETRY_AFTER_S)


def _jittered(pause_s: float) -> float:
    """Return a pause from `pause_s` to twice that: never before the time, and many hubs not all at once."""
    return pause_s * random.uniform(1.0, 2.0)
