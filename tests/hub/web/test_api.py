"""The app as a whole, in process: health, metrics, and one shape for every refusal, whatever is sent."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ports import StoreUnavailable
from hub.web.api import make_app
from tests.support.api_hub import api_hub, is_refusal

LOCAL = ("127.0.0.1", 40_000)


async def test_a_serving_hub_is_healthy_and_says_why_it_is_not_ready(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as stranger:
        assert (await stranger.get("/healthz")).status_code == 200
        assert (await stranger.get("/readyz")).json() == {"reasons": []}
        hub.unready = ["the journal is full"]
        answer = await stranger.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"reasons": ["the journal is full"]})
        assert (await stranger.get("/healthz")).status_code == 200


async def test_metrics_are_for_this_machine_and_for_who_is_logged_in(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as stranger, hub.client(client=LOCAL, base_url="http://localhost:8080") as local:
        is_refusal(await stranger.get("/metrics"), 401, "not_logged_in")
        is_refusal(await local.get("/metrics", headers={"Host": "rebound.example:8080"}), 401, "not_logged_in")
        is_refusal(await local.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"}), 401, "not_logged_in")
        async with await hub.browser("viewer") as viewer, hub.admin() as admin:
            for client in (local, viewer, admin):
                answer = await client.get("/metrics")
                assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
                assert "# TYPE tributary_" in answer.text


async def test_the_api_describes_itself_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as stranger:
        said = (await stranger.get("/api/v1/openapi.json")).json()
        paths = said["paths"]
        assert "HTTPValidationError" not in said["components"]["schemas"]
        assert "/api/v1/query" in paths
        assert "/static/{name}" not in paths
        for path in ("/docs", "/redoc"):
            is_refusal(await stranger.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/api/v1/devices/", 404, "not_found"),
        ("PUT", "/api/v1/devices", 405, "bad_method"),
        ("TRACE", "/", 405, "bad_method"),
        ("GET", "/api/v1/commands?limit=5000", 422, "bad_request"),
        ("GET", "/api/v1/devices/none", 404, "no_device"),
    ],
)
async def test_refusals_have_one_shape(tmp_path: Path, method: str, path: str, status: int, code: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.request(method, path), status, code)


@pytest.mark.parametrize(
    ("body", "status", "message", "hint"),
    [
        (b'{"name": ', 422, "the body is not JSON: Expecting value at character 9", "send one JSON object, in UTF-8"),
        (b"", 422, "the body: Field required", "correct the body"),
        (b"[1]", 422, "the body: Input should be a valid dictionary or object to extract fields from, not [1]", "correct the body"),
        (b'{"name": 5}', 422, "name: Input should be a valid string, not 5", "correct name"),
        (b'{"nmae": "x"}', 422, "nmae: Extra inputs are not permitted", "leave it out"),
        (b'{"names": []}', 422, "names: List should have at least 1 item after validation, not 0, not []", "correct names"),
        (b"[" * 100_000, 422, "the body is nested more deeply than 32 levels, the limit", "send it flatter"),
        (b'{"name": "\xff"}', 400, "the body is not UTF-8: byte 0xff at 10", "send JSON in UTF-8"),
    ],
)
async def test_a_wrong_body_is_told_what_is_wrong_and_what_to_do(tmp_path: Path, body: bytes, status: int, message: str, hint: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/devices", content=body, headers={"Content-Type": "application/json"})
        said = is_refusal(answer, status, "bad_request")
        assert (said["message"], said["hint"]) == (message, hint)


async def test_a_store_that_cannot_answer_now_is_503_and_says_when_to_come_again(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await hub.store.aclose()
        answer = await admin.get("/api/v1/query?device=pump")
        is_refusal(answer, 503, "store_unavailable")
        assert answer.headers["retry-after"] == "1"


async def test_an_error_of_ours_is_told_in_the_same_shape_and_goes_on_to_the_door(tmp_path: Path) -> None:
    def describe() -> dict[str, Any]:
        raise ZeroDivisionError("secret detail")

    async with api_hub(tmp_path) as hub:
        app = make_app(replace(hub.api, hub=describe))
        headers = {"Authorization": f"Bearer {hub.admin_token}"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
            answer = await client.get("/api/v1/hub")
            is_refusal(answer, 500, "internal")
            assert "secret" not in answer.text
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://hub", headers=headers) as client:
            with pytest.raises(ZeroDivisionError):
                await client.get("/api/v1/hub")


async def test_a_store_that_fails_while_it_is_asked_who_comes_is_503(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser:
        with pytest.raises(StoreUnavailable):
            await hub.parts.state._all("SELECT no_such_column")
        await hub.parts.state._change("ALTER TABLE logins RENAME TO lost", ())
        said = is_refusal(await browser.get("/api/v1/hub"), 503, "store_unavailable")
        assert "state.db" not in said["message"], "whoever sends any cookie reads this"


ANY_TEXT = st.text(st.characters(), max_size=5)  # halves of surrogate pairs too: JSON can spell them
ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT
JSON = st.recursive(ATOMS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4), max_leaves=8)
WORDS = st.sampled_from(
    ["pump", "name", "names", "args", "ttl_s", "role", "go", "raw", "1s", "-1", "0", "1e400", "nan", "2026-11-21T08:00:00Z"]
)
TEXT = WORDS | st.text(max_size=20)
NAMES = st.sampled_from(["name", "names", "args", "ttl_s", "role", "x"])
POSTS = ["/api/v1/devices", "/api/v1/devices/pump/commands", "/api/v1/devices/pump/token", "/api/v1/logins"]
GETS = ["/api/v1/query", "/api/v1/commands", "/api/v1/series", "/api/v1/devices/pump/losses", "/static/index.html", "/", "/login"]
FIELDS = ["device", "channel", "from", "to", "span_s", "width", "limit", "after", "token", "where"]


def is_decent(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.request.method != "HEAD" and "json" in answer.headers["content-type"]:
        assert set(answer.json()) == {"code", "message", "hint"}


@pytest.mark.slow
async def test_nothing_that_is_sent_makes_an_error_of_ours(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        pump = await hub.device("pump", 5, commands=[{"name": "go", "args": {"x": {"type": "number"}}}])
        await pump.data(5, 1, [1.5, 2.5])
        await pump.is_acked(5, 1)
        await hub.is_stored()

        @settings(max_examples=150)
        @given(st.sampled_from(POSTS), st.dictionaries(NAMES, JSON | TEXT, max_size=4) | JSON)
        async def post(path: str, body: Any) -> None:
            content = json.dumps(body).encode()
            is_decent(await admin.post(path, content=content, headers={"Content-Type": "application/json"}))

        @settings(max_examples=150)
        @given(st.sampled_from(GETS), st.lists(st.tuples(st.sampled_from(FIELDS), TEXT), max_size=5))
        async def get(path: str, params: list[tuple[str, str]]) -> None:
            is_decent(await admin.get(path, params=params))  # type: ignore[arg-type]

        @settings(max_examples=100)
        @given(st.sampled_from(["GET", "POST", "DELETE", "HEAD"]), st.binary(max_size=30))
        async def anywhere(method: str, path: bytes) -> None:
            quoted = "".join(f"%{byte:02x}" for byte in path)
            for prefix in ("/static/", "/api/v1/devices/", "/api/v1/commands/", "/"):
                is_decent(await admin.request(method, prefix + quoted))

        for each in (post, get, anywhere):
            await run_examples(each)


async def run_examples(test: Any) -> None:
    """Run a property in this event loop: Hypothesis calls plain functions, so the examples go through a portal."""
    inner = test.hypothesis.inner_test
    portal = trio.lowlevel.current_trio_token()
    test.hypothesis.inner_test = lambda *args, **kwargs: trio.from_thread.run(lambda: inner(*args, **kwargs), trio_token=portal)
    await trio.to_thread.run_sync(test)
