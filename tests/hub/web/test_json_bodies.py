"""JSON is read strictly before any route, and what is wrong with it is told."""

from pathlib import Path

import pytest

from hub.web.json_bodies import MAX_DEPTH, check_json
from tests.support.api_hub import api_hub, is_refusal

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b'{"name": "a", "name": "b"}', 422, "the body has the key 'name' twice"),
        (b'{"devices": [{"name": "a", "tags": [], "tags": []}]}', 422, "the body has the key 'tags' twice"),
        (b'{"name": NaN}', 422, "the body holds NaN, which JSON does not have"),
        (b'{"name": [-Infinity]}', 422, "the body holds -Infinity, which JSON does not have"),
        (b'{"name": 1e400}', 422, "the body holds 1e400, which is beyond 1.8e308"),
        (b'{"name": ' + b"9" * 5_000 + b"}", 422, "the body is not JSON: Exceeds the limit (4300 digits)"),
        (b'{"a": ' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), 422, "the body is nested more deeply than 32 levels"),
        (b"[" * 500_000, 422, "the body is nested more deeply than 32 levels"),
        (b'{"name": "a"} x', 422, "the body is not JSON: Extra data at character 14"),
        ('{"name": "a"}'.encode("utf-16"), 400, "the body is not UTF-8: byte 0xff at 0"),
        ('{"name": "ä"}'.encode("latin-1"), 400, "the body is not UTF-8: byte 0xe4 at 10"),
        (b'\xef\xbb\xbf{"name": "a"}', 422, "the body is not JSON: Unexpected UTF-8 BOM"),
    ],
)
async def test_what_is_no_plain_json_is_refused_with_the_reason_and_nothing_is_done(
    tmp_path: Path, body: bytes, status: int, message: str
) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        said = is_refusal(await admin.post("/api/v1/devices", content=body, headers=JSON), status, "bad_request")
        assert said["message"].startswith(message)
        assert said["hint"]
        assert hub.parts.registry.names() == []


@pytest.mark.parametrize("kind", ["application/json; charset=latin-1", 'application/json; charset="utf-16"', "text/plain", "", "x"])
async def test_another_type_or_charset_is_415_and_nothing_is_done(tmp_path: Path, kind: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/devices", content=b'{"name": "pump"}', headers={"Content-Type": kind})
        assert is_refusal(answer, 415, "bad_content_type")["hint"] == "send Content-Type: application/json"
        assert hub.parts.registry.names() == []


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'])
async def test_json_in_utf_8_is_taken_however_it_is_announced(tmp_path: Path, kind: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/devices", content=b'{"name": "pump"}', headers={"Content-Type": kind})
        assert answer.status_code == 201


def test_what_is_deep_in_breadth_only_passes() -> None:
    check_json(b"[" + b",".join([b'{"a": [1]}'] * 1_000) + b"]")
    check_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
