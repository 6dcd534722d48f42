"""The HTTP API of a hub as methods.

Owns the paths and the credential; shows nothing and decides nothing. Every method raises HubError; live.py is the other half.
"""

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx
import trio

from devices.wire.messages import CommandState
from hub.client.asking import asked
from hub.client.errors import HubError, causes, hint_for, refused
from hub.client.live import LiveConnection, Way, open_live
from hub.client.local import find_local, pinned, read_admin_token
from hub.client.pages import MAX_PAGE, entries, newest

_TIMEOUT_S: Final = 30.0
_Map = Mapping[str, Any]
_POLL_S: Final = (0.05, 1.0)  # first and longest wait between two looks at a command


class HubClient:
    """One hub, as the holder of a credential: `async with HubClient(url, token) as client`.

    Every method raises HubError. A cancelled call may or may not have been carried out by the hub.
    """

    def __init__(self, url: str, token: str, *, tls: ssl.SSLContext | None = None) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self.tls = tls  # what is trusted; None: the system's certificates, or $SSL_CERT_FILE
        headers = {"Authorization": f"Bearer {token}"}
        nothing = None if url.lower().startswith("https:") else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # the system's takes 20 ms to read
        trusted = tls or nothing or ssl.create_default_context()  # httpx would bring its own list, and know no SSL_CERT_FILE
        self._http = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=_TIMEOUT_S, trust_env=False, verify=trusted)

    @classmethod
    def local(cls, data_dir: Path) -> Self:
        """Return a client, as administrator, of the hub that runs on this data directory. Raises HubError where none runs."""
        found = find_local(data_dir)
        tls = pinned(found.tls_certificate) if found.tls_certificate else None
        return cls(found.url, read_admin_token(data_dir), tls=tls)

    async def __aenter__(self) -> Self:
        await self._http.__aenter__()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        with trio.CancelScope(shield=True):  # closes sockets; waits for nobody
            await self._http.__aexit__(kind, error, trace)

    async def hub(self) -> dict[str, Any]:
        """Return name, version, journal, time, credit and counts of the hub."""
        return await self._object("GET", "/api/v1/hub")

    async def ready(self) -> list[str]:
        """Return why the hub wants no new connections now; empty: it is ready."""
        response = await self._request("GET", "/readyz")
        return [] if response.status_code == 200 else [str(reason) for reason in _decoded(response).get("reasons", ["not ready"])]

    async def metrics(self) -> str:
        """Return the Prometheus text."""
        return _checked(await self._request("GET", "/metrics")).text

    async def devices(self) -> list[dict[str, Any]]:
        """Return every device, as in protocol section 11."""
        return [each async for each in self.listed("/api/v1/devices", "devices")]

    async def device(self, name: str) -> dict[str, Any]:
        """Return one device."""
        return await self._object("GET", f"/api/v1/devices/{_path(name)}")

    async def add_device(self, name: str) -> str:
        """Add a device and return its token, which the hub shows this once."""
        return str((await self._object("POST", "/api/v1/devices", {"name": name}))["token"])

    async def add_devices(self, names: Sequence[str]) -> dict[str, str]:
        """Add devices, all or none of each thousand, and return the token of each."""
        tokens: dict[str, str] = {}
        for at in range(0, len(names), MAX_PAGE):
            said = await self._object("POST", "/api/v1/devices", {"names": list(names[at : at + MAX_PAGE])})
            tokens |= {item["device"]: item["token"] for item in said["devices"]}
        return tokens

    async def remove_device(self, name: str, *, with_data: bool = False) -> None:
        """Forget a device and end its connection; its readings stay, unless they are to be deleted as well."""
        params = {"data": "true"} if with_data else None
        _checked(await self._request("DELETE", f"/api/v1/devices/{_path(name)}", params=params))

    async def store(self) -> dict[str, Any]:
        """Return how the history store is: its place, tiers, bounds, notes, lag."""
        return await self._object("GET", "/api/v1/store")

    async def new_token(self, name: str) -> str:
        """Replace a device's token, end its connection, return the new one."""
        return str((await self._object("POST", f"/api/v1/devices/{_path(name)}/token"))["token"])

    async def command(self, device: str, name: str, args: Mapping[str, Any] | None = None, *, ttl_s: float = 30.0) -> dict[str, Any]:
        """Send a command and return it as the ledger has it."""
        body = {"name": name, "args": dict(args or {}), "ttl_s": ttl_s}
        return await self._object("POST", f"/api/v1/devices/{_path(device)}/commands", body)

    async def commands(self, device: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """Return the newest commands, newest first, at most `limit`."""
        return await newest(self.listed("/api/v1/commands", "commands", device=device, limit=min(limit, MAX_PAGE)), limit)

    async def command_state(self, command_id: str) -> dict[str, Any]:
        """Return one command."""
        return await self._object("GET", f"/api/v1/commands/{_path(command_id)}")

    async def command_ended(self, command_id: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Return the command once it is in a final state; HubError `timeout` where that takes longer."""
        wait_s, longest_s = _POLL_S
        with trio.move_on_after(timeout_s):
            while True:
                item = await self.command_state(command_id)
                if CommandState(item["state"]).is_final:
                    return item
                await trio.sleep(wait_s)
                wait_s = min(longest_s, wait_s * 1.5)
        raise HubError("timeout", f"command {command_id} has not ended within {timeout_s:g} s", f"see GET /api/v1/commands/{command_id}")

    async def series(self, device: str | None = None, *, where: str | None = None) -> list[dict[str, Any]]:
        """Return every series that has a reading: device, channel, unit, kind; with `where` of the devices that it means."""
        return [each async for each in self.listed("/api/v1/series", "series", device=device, where=where)]

    async def query(
        self,
        device: str | None = None,
        channels: Sequence[str] = (),
        *,
        where: str | None = None,
        from_us: int | None = None,
        to_us: int | None = None,
        span_s: float | None = None,
        width: str = "raw",
        limit: int | None = None,
    ) -> dict[str, Any]:
        """Return stored readings (width `raw`) or buckets (`100ms`, `1s`, `10s`, `1min`, `10min`, `1h`, `1d`) of [from_us, to_us).

        `where`, a tag expression, in place of `device`: of all that it means, `devices` of them.
        Without `from_us` the range is `span_s` seconds long, without `to_us` it ends now. `truncated` is true where the limit was met:
        then the newest are given.
        """
        params: dict[str, Any] = {"device": device, "where": where, "channel": list(channels), "width": width}
        params |= {"from": from_us, "to": to_us, "span_s": span_s, "limit": limit}
        return await self._object("GET", "/api/v1/query", params=params)

    async def losses(self, device: str) -> dict[str, list[dict[str, Any]]]:
        """Return what a device declared lost (`gaps`) and what the hub refused of it (`rejects`), as far as the journal reaches back."""
        found: dict[str, list[dict[str, Any]]] = {"gaps": [], "rejects": []}
        after = 0
        while True:
            page = await self._object("GET", f"/api/v1/devices/{_path(device)}/losses", params={"after": after})
            found["gaps"] += page["gaps"]
            found["rejects"] += page["rejects"]
            if page["next"] is None:
                return found
            after = page["next"]

    async def new_login(self) -> str:
        """Return a new one-time login link for the page."""
        return str((await self._object("POST", "/api/v1/logins"))["url"])

    def live(self, way: Way = "auto") -> AbstractAsyncContextManager[LiveConnection]:
        """Connect as a viewer: `async with client.live() as live`; "auto" polls where no WebSocket gets through. Raises HubError."""
        return open_live(self.url, self._token, self.tls, self._http, way)

    @asynccontextmanager
    async def streamed(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> AsyncIterator[AsyncIterator[str]]:
        """Send a request and give the lines of its answer as they come, at most `_TIMEOUT_S` apart; leaving the block ends it."""
        content, headers = (None, {}) if body is None else (_encoded(body), {"Content-Type": "application/json"})
        async with self.answered(method, path, content=content, headers=headers) as response:
            yield response.aiter_lines()

    @asynccontextmanager
    async def answered(
        self, method: str, path: str, *, content: AsyncIterable[bytes] | bytes | None = None, **other: Any
    ) -> AsyncIterator[httpx.Response]:
        """Send a request, piece by piece where it is long, and give the answer before its body; leaving the block ends it."""
        try:
            async with self._http.stream(method, path, content=content, **other) as response:
                if not response.is_success:
                    await response.aread()
                try:
                    yield _checked(response)
                except httpx.RemoteProtocolError:
                    raise HubError("broken_off", "the answer broke off: it is not whole", "the hub's log says why") from None
        except httpx.HTTPError as error:
            raise self._unasked(error) from None

    def listed(self, path: str, name: str, **more: Any) -> AsyncGenerator[dict[str, Any]]:
        """Yield the entries of a list, page by page, which each answer has under a name."""
        return entries(lambda params: self._object("GET", path, params=params), name, **more)

    async def _object(self, method: str, path: str, body: _Map | None = None, params: _Map | None = None) -> dict[str, Any]:
        return _decoded(_checked(await self._request(method, path, body, params)))

    async def _request(self, method: str, path: str, body: _Map | None = None, params: _Map | None = None) -> httpx.Response:
        content, headers = (None, {}) if body is None else (_encoded(body), {"Content-Type": "application/json"})
        params = {key: value for key, value in (params or {}).items() if value is not None}
        try:
            return await asked(self._http, method, path, content=content, headers=headers, params=params)
        except httpx.HTTPError as error:
            raise self._unasked(error) from None

    def _unasked(self, error: httpx.HTTPError) -> HubError:
        if isinstance(error, httpx.TimeoutException):
            return HubError("timeout", f"{self.url} did not answer within {_TIMEOUT_S:g} s", "look at the hub's log")
        said = next(filter(None, map(str, causes(error))), type(error).__name__)
        return HubError("unreachable", f"no hub answers at {self.url}: {said}", hint_for(error, "start one: tributary serve"))


def _encoded(body: Mapping[str, Any]) -> bytes:
    """Write a body as JSON. Raises HubError for what JSON has no word for."""
    try:
        return json.dumps(body, allow_nan=False).encode()
    except ValueError:
        raise HubError("bad_value", "NaN and infinities cannot be sent: JSON has no word for them", "send finite numbers", 422) from None
    except TypeError as error:
        hint = "send numbers, texts, true and false, None, lists and dicts"
        raise HubError("bad_value", f"this cannot be sent as JSON: {error}", hint, 422) from None


def _checked(response: httpx.Response) -> httpx.Response:
    if response.is_success:
        return response
    raise refused(response.status_code, response.content)


def _decoded(response: httpx.Response) -> dict[str, Any]:
    try:
        said = response.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise HubError("bad_answer", f"{response.url} did not answer with a JSON object", "is this address a Tributary hub?")
    return said


def _path(name: str) -> str:
    return quote(name, safe="")
