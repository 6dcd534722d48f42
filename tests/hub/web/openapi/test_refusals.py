"""What is wrong with a request is told on every route there is, before anything is done: method, parameters, type and form of the body."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_hub import is_refusal
from tests.support.described import Described
from tests.support.whole_hub import whole_hub

BAD_JSON = [
    (b'{"name": ', 422, "is not JSON"),
    (b'{"a": 1, "a": 2}', 422, "the key 'a' twice"),
    (b'{"a": NaN}', 422, "NaN, which JSON does not have"),
    (b'{"a": 1e999}', 422, "beyond 1.8e308"),
    (b"[" * 40 + b"]" * 40, 422, "more deeply than 32 levels, the limit"),
    (b'{"a": "\xff"}', 400, "is not UTF-8"),
]


@asynccontextmanager
async def everything(tmp_path: Path) -> AsyncIterator[tuple[Described, httpx.AsyncClient]]:
    async with whole_hub(tmp_path) as hub, await hub.client_of("admin", "token") as admin:
        yield Described(hub.app.openapi()), admin


def address(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "none", path)


def is_for_people(operation: dict[str, Any]) -> bool:
    return any("bearer" in each for each in operation["security"]) and bool(operation.get("x-roles"))


async def test_every_path_says_what_it_takes(tmp_path: Path) -> None:
    async with everything(tmp_path) as (described, admin):
        methods: dict[str, set[str]] = {}
        for method, path, _ in described.operations():
            methods.setdefault(path, set()).add(method)
        for path in methods:
            # /rules/preview is also the place of a rule of that name.
            meant = [each for each in methods if re.fullmatch(re.sub(r"\{[^}]*\}", "[^/]+", each), address(path))]
            known = set().union(*(methods[each] for each in meant))
            allowed = ", ".join(sorted(known | {"OPTIONS"} | ({"HEAD"} if "GET" in known else set())))
            asked = await admin.options(address(path))
            assert (asked.status_code, asked.headers["allow"], asked.content) == (204, allowed, b"")
            refused = await admin.request("TRACE", address(path))
            assert allowed in is_refusal(refused, 405, "bad_method")["hint"]
            assert refused.headers["allow"] == allowed


async def test_a_parameter_that_is_there_twice_is_refused_where_one_is_due(tmp_path: Path) -> None:
    tried = 0
    async with everything(tmp_path) as (described, admin):
        for method, path, operation in described.operations():
            for each in operation.get("parameters", ()):
                if each["in"] == "query" and each["schema"].get("type") != "array" and is_for_people(operation):
                    tried += 1
                    answer = await admin.request(method, address(path), params=[(each["name"], "1"), (each["name"], "1")])
                    assert each["name"] in is_refusal(answer, 422, "repeated_parameter")["message"]
    assert tried >= 40


@pytest.mark.parametrize(("body", "status", "message"), BAD_JSON, ids=[said for _, _, said in BAD_JSON])
async def test_bad_json_is_refused_on_every_route_that_takes_json(tmp_path: Path, body: bytes, status: int, message: str) -> None:
    tried = 0
    async with everything(tmp_path) as (described, admin):
        for method, path, operation in described.operations():
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                tried += 1
                answer = await admin.request(method, address(path), content=body, headers={"Content-Type": "application/json"})
                assert message in is_refusal(answer, status, "bad_request")["message"]
    assert tried >= 18


async def test_another_type_is_refused_on_every_route_that_takes_json(tmp_path: Path) -> None:
    async with everything(tmp_path) as (described, admin):
        for method, path, operation in described.operations():
            if "application/json" in operation.get("requestBody", {}).get("content", {}) and is_for_people(operation):
                for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"):
                    answer = await admin.request(method, address(path), content=b'{"name": "x"}', headers={"Content-Type": kind})
                    is_refusal(answer, 415, "bad_content_type")
