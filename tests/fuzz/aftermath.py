"""What people and programs are shown of hostile devices afterwards: every list, page and picture of them must still come, and be JSON.

Owns the questions that are asked once a batch is over; what is wrong is told in words. Used by course.py.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

import httpx
import msgpack
import trio

from tests.fuzz.stage import DEADLINE_S, Hostile, Stage
from tests.support.door import upgrade
from tests.support.rfc6455 import TEXT, Ear, frame

# Figures, and an export as Parquet, are asked for by stage.py.
_OF_ALL: Final = (
    *("/api/v1/devices", "/api/v1/latest?where=name%3D*", "/api/v1/series", "/api/v1/commands", "/api/v1/connections", "/api/v1/hub"),
    *("/api/v1/export?where=name%3Dhostile*&format=csv", "/api/v1/alerts"),
)
_OF_ONE: Final = ("", "/log", "/losses", "/shadow", "/connections", "/latency")
_MAY_BE: Final = frozenset({200, 404, 409})  # 404: no reading of it, no shadow; 409: it takes none


def _nothing_else(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


async def shown_wrong(stage: Stage, hostiles: Sequence[Hostile]) -> list[str]:
    """Return what of these devices cannot be shown."""
    wrong: list[str] = []
    headers = {"Authorization": f"Bearer {stage.viewer_token}"}
    async with httpx.AsyncClient(base_url=stage.process.url, headers=headers, timeout=DEADLINE_S) as client:
        for path in (*_OF_ALL, *(f"/api/v1/devices/{each.name}{place}" for each in hostiles[:8] for place in _OF_ONE)):
            answer = await client.get(path)
            wrong += [f"GET {path}: {said}" for said in _wrong_with(answer)]
    for encoding in ("json", "msgpack"):
        wrong += [f"viewer by {encoding}: {said}" for said in await _seen_wrong(stage, encoding)]
    return wrong


def _wrong_with(answer: httpx.Response) -> Iterator[str]:
    if answer.status_code not in _MAY_BE:
        yield f"{answer.status_code} {answer.text[:300]}"
    elif answer.headers.get("content-type", "").startswith("application/json"):
        try:
            json.loads(answer.content, parse_constant=_nothing_else)
        except ValueError as error:
            yield str(error)


async def _seen_wrong(stage: Stage, encoding: str) -> list[str]:
    """Return what a viewer of everything is told that is wrong."""
    ear, subscribe = Ear(), {"op": "subscribe", "id": "a", "devices": ["*"], "width_us": 0, "span_s": 40 * 86_400}
    stream = await trio.open_tcp_stream(*stage.address)
    try:
        with trio.fail_after(DEADLINE_S):
            headers = {"Authorization": f"Bearer {stage.viewer_token}"}
            await stream.send_all(upgrade("/v1/live", subprotocol=f"tributary.live.v1.{encoding}", **headers))
            if encoding == "msgpack":
                await stream.send_all(frame(msgpack.packb(subscribe)))
            else:
                await stream.send_all(frame(json.dumps(subscribe).encode(), TEXT))
            while not (found := [said for said in map(_read, ear.messages) if said["op"] in ("snapshot", "error")]):
                if not (data := await stream.receive_some(65_536)):
                    return [f"the connection ended with {ear.code} {ear.reason}"]
                ear.hear(bytes(data))
        return [str(found[0])[:300]] if found[0]["op"] == "error" else []
    except (ValueError, trio.TooSlowError) as error:
        return [repr(error)]
    finally:
        await trio.aclose_forcefully(stream)


def _read(message: bytes | str) -> dict[str, Any]:
    said: dict[str, Any] = json.loads(message, parse_constant=_nothing_else) if isinstance(message, str) else msgpack.unpackb(message)
    return said
