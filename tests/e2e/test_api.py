"""Schemathesis over the whole API of a real hub, as everybody there is: no 5xx, nothing that is not described, no bad data taken.

`make api-test` looks longer, and as viewers and devices too: API_TEST_EXAMPLES says how many cases each operation gets as each of them.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.described import Described
from tests.support.hub_process import RunningHub, running_hub

EXAMPLES = int(os.environ.get("API_TEST_EXAMPLES", "0"))
CHECKS = [
    *(not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance),
    *(response_schema_conformance, negative_data_rejection),
]
MODES = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)
TIMEOUT_S = 20.0


@dataclass
class Stand:
    """A hub with one of each thing, and whoever may come to it."""

    hub: RunningHub
    folder: Path
    described: Described
    tokens: dict[str, str]
    schema: Any
    admin: httpx.Client

    def replenish(self) -> None:
        """Make again what the fuzzing may have deleted, so that operations find something to work on."""
        for path, body in (
            ("devices", {"name": "greenhouse"}),
            ("users", {"name": "ann", "role": "viewer", "password": "correct horse"}),
            ("tokens", {"name": "grafana", "role": "viewer", "days": 1}),
            ("rules", {"rule": "too-hot", "kind": "above", "limit": 30}),
            ("provisioning", {"name": "pumps"}),
        ):
            answer = self.admin.post(path, json=body)
            assert answer.status_code in (201, 409), answer.text


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    folder = tmp_path_factory.mktemp("fuzzed")
    with running_hub(folder / "data") as hub:
        tokens = {"nobody": "", "admin": hub.admin_token}
        for role in ("viewer", "operator"):
            tokens[role] = hub.api("POST", "/api/v1/tokens", {"name": f"as-{role}", "role": role, "days": 1})["token"]
        tokens["device"] = hub.api("POST", "/api/v1/devices", {"name": "fuzzer"})["token"]
        # One client for all: each takes 20 ms to read certificates.
        with httpx.Client(base_url=f"{hub.url}/api/v1/", headers={"Authorization": f"Bearer {hub.admin_token}"}) as admin:
            document = admin.get("openapi.json").json()
            yield Stand(hub, folder, Described(document), tokens, schemathesis.openapi.from_dict(open_to_all(document)), admin)


def open_to_all(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without its security, which would have credentials made up: ours are to count."""
    paths = {
        path: {method: {**operation, "security": []} for method, operation in each.items()} for path, each in document["paths"].items()
    }
    return {**document, "paths": paths, "components": {"schemas": document["components"]["schemas"]}}


@schemathesis.serializer("application/msgpack")
def as_msgpack(ctx: schemathesis.SerializationContext, value: Any) -> bytes:
    """Write what is generated as a message of a device, or as it is where it is none."""
    said = {"messages": [value.encode(errors="replace")]} if isinstance(value, str) else value
    return bytes(msgpack.packb(said, default=str))


def careful(case: Any, stand: Stand) -> None:
    """Keep a case from writing outside the test's folder."""
    folder = case.body.get("folder") if isinstance(case.body, dict) else None
    if case.operation.path == "/api/v1/backup" and isinstance(folder, str) and folder.startswith("/"):
        case.body = {**case.body, "folder": f"{stand.folder}/backup-{len(folder)}"}


def fixed(operation: Any) -> dict[str, Any]:
    """Return the examples of the path parameters, which are names of what is there."""
    return {each.name: each.definition["schema"]["examples"][0] for each in operation.path_parameters}


def look(stand: Stand, session: requests.Session, cases: Any, examples: int) -> None:
    """Send cases of an operation, and hold each answer against the description."""

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases)
    def one(case: Any) -> None:
        careful(case, stand)
        response = case.call(stand.hub.url, session=session, timeout=TIMEOUT_S)
        case.validate_response(response, checks=CHECKS[:-1] if response.status_code == 431 else CHECKS)
        kind, request = (
            response.headers.get("content-type", [""])[0],
            httpx.Request(case.operation.method, (response.request.url or "").partition("?")[0]),
        )
        answer = httpx.Response(response.status_code, headers={"content-type": kind}, content=response.content, request=request)
        wrong = stand.described.wrong(answer)
        assert wrong == "", wrong

    with suppress(Unsatisfiable):  # nothing about this operation can be wrong
        one()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["nobody", "operator", "admin", *(["viewer", "device"] if EXAMPLES else [])])
def test_what_anybody_sends_is_answered_as_described(stand: Stand, role: str) -> None:
    session = requests.Session()
    if stand.tokens[role]:
        session.headers["Authorization"] = f"Bearer {stand.tokens[role]}"
    for found in stand.schema.get_all_operations():
        operation = found.ok()
        names = [{}, fixed(operation)] if operation.path_parameters and role == "admin" else [fixed(operation)]
        stand.replenish()
        for mode in MODES:
            for each in names:
                look(stand, session, operation.as_strategy(mode, path_parameters=each or None), EXAMPLES or (2 if role == "admin" else 1))
