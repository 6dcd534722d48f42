"""How a device comes to its token by itself: it registers with a provisioning key, once, and keeps the token.

Owns the request (docs/protocol.md section 15) and the two files: the nonce, which is on the disk before anything is asked, so that an
answer that was lost is given again, and the token. Called by programs before they make a Device, and by `tributary host`.
"""

import http.client
import json
import random
import secrets
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import trio

from devices.client.opening import CONNECT_TIMEOUT_S, DeviceRefused, Unreachable
from devices.durable import keep

_MAX_ANSWER_BYTES: Final = 65_536
_DEVICE_PATH: Final = "/v1/device"  # an address may name it
_PAUSE_S: Final = (1.0, 60.0)  # first and longest, each spread to half as much again
_LATER: Final = (408, 425, 429)  # and every 5xx: it may pass by itself
_THREADS: Final = trio.CapacityLimiter(1)  # one request, before there is a connection; the standard library's client blocks


async def kept_token(
    url: str, device: str, key: str, path: Path, *, facts: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> str:
    """Return the token in the file `path`; where there is none, register first, and try until the hub answers.

    `facts` may hold `title` and `notes`. Files are readable by their owner only. Cancelled, nothing is lost: the next call asks for the
    same. Raises DeviceRefused, where somebody has to act, and OSError.
    """
    if (token := await trio.to_thread.run_sync(_read, path)) is not None:
        return token
    nonce_path = path.with_name(path.name + ".nonce")
    if (nonce := await trio.to_thread.run_sync(_read, nonce_path)) is None:
        nonce = secrets.token_hex(16)
        await trio.to_thread.run_sync(_keep, nonce_path, nonce)
    pause_s, longest_s = _PAUSE_S
    while True:
        try:
            token = await register(url, device, key, nonce, facts=facts, tls=tls)
        except Unreachable as error:
            await trio.sleep(max(error.retry_s or 0.0, pause_s) * random.uniform(1.0, 1.5))
            pause_s = min(longest_s, 2 * pause_s)
        else:
            await trio.to_thread.run_sync(_keep, path, token)
            nonce_path.unlink(missing_ok=True)
            return token


async def register(
    url: str, device: str, key: str, nonce: str, *, facts: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None
) -> str:
    """Ask the hub at `url` once to register a device; return its token, the same for the same nonce.

    The nonce is 16 to 128 characters that only this device knows; keep it before asking. Raises DeviceRefused, Unreachable.
    """
    body = json.dumps({**(facts or {}), "name": device, "nonce": nonce}).encode()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    try:
        status, retry, content = await trio.to_thread.run_sync(_post, url, body, headers, tls, limiter=_THREADS, abandon_on_cancel=True)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"cannot register at {url}: {str(error) or type(error).__name__}") from None
    said = _said(content)
    if status in (200, 201) and isinstance(said.get("token"), str):
        return str(said["token"])
    reason = str(said.get("message", f"HTTP status {status}"))[:300]
    if status in _LATER or status >= 500 or status < 400:
        raise Unreachable(f"HTTP status {status}: {reason}", float(retry) if retry.isdigit() else None)
    raise DeviceRefused(status, reason, str(said.get("hint", "check the provisioning key"))[:300])


def _post(url: str, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext | None) -> tuple[int, str, bytes]:
    parts = urlsplit(url)
    host, path = parts.hostname or "", f"{parts.path.rstrip('/').removesuffix(_DEVICE_PATH)}/api/v1/provision"
    connection = (
        http.client.HTTPSConnection(host, parts.port, timeout=CONNECT_TIMEOUT_S, context=tls or ssl.create_default_context())
        if parts.scheme in ("https", "wss")
        else http.client.HTTPConnection(host, parts.port, timeout=CONNECT_TIMEOUT_S)
    )
    try:
        connection.request("POST", path, body, dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.getheader("Retry-After", ""), answer.read(_MAX_ANSWER_BYTES)
    finally:
        connection.close()


def _said(content: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(content)
    except ValueError:
        return {}  # not our hub's answer, perhaps a proxy's: the status says enough
    return said if isinstance(said, dict) else {}


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


def _keep(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    keep(path, text)
