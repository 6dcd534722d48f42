"""What every answer wears, and JSON of values that JSON does not have."""

import math
from pathlib import Path

import pytest

from hub.web.envelope import Answer, refusal_answer
from tests.support.api_hub import CSP, api_hub

HEADERS = {
    "content-security-policy": CSP,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


@pytest.mark.parametrize(
    "path", ["/", "/login?token=x", "/healthz", "/readyz", "/metrics", "/api/v1/hub", "/nothing", "/static/index.html"]
)
async def test_every_answer_has_the_security_headers(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, hub.client() as stranger:
        for client in (admin, stranger):
            answer = await client.get(path)
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
            assert "strict-transport-security" not in answer.headers  # it would bind the whole host: docs/security.md
            assert answer.headers["cache-control"] == ("no-cache" if path.startswith("/static") else "no-store")


@pytest.mark.parametrize("path", ["/", "/healthz", "/static/index.html", "/api/v1/devices", "/metrics"])
async def test_head_is_answered_as_get_without_the_body(tmp_path: Path, path: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        got, looked = await admin.get(path), await admin.head(path)
        assert looked.status_code == got.status_code == 200
        assert looked.headers["content-type"] == got.headers["content-type"]
        assert looked.content == b""


def test_nan_and_infinities_are_null_and_bytes_are_text() -> None:
    assert Answer({"x": [math.nan, math.inf, -math.inf, 1.5], "raw": b"\xff\xfe"}).body == b'{"x":[null,null,null,1.5],"raw":"__4="}'


def test_a_refusal_can_repeat_half_a_surrogate_pair() -> None:
    assert refusal_answer(422, "bad", "not \ud800", "").body == b'{"code":"bad","message":"not ?","hint":""}'
