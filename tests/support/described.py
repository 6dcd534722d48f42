"""What the API says of itself, held against what it answers: status, code, type and shape.

Owns the comparison, which is stricter than the description: a field that is not in it is wrong here, while a client must bear new ones.
Used by api_hub.py, whose every answer comes by here, and by tests/hub/web/openapi.
"""

import copy
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import httpx
import jsonschema_rs

ELSEWHERE = frozenset({("not_found", 404), ("bad_method", 405), ("internal", 500)})  # of no route


class Described:
    """An OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._validators: dict[str, Any] = {}

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Yield method, path and description of every operation."""
        for path, operations in self.document["paths"].items():
            yield from ((method.upper(), path, operation) for method, operation in operations.items())

    def wrong(self, response: httpx.Response) -> str:
        """Return what of an answer is not as described; empty: nothing, or it is of no described route."""
        operation = self._operation(response.request.method, response.request.url.path)
        kind = response.headers.get("content-type", "").partition(";")[0]
        told: Any = response.json() if kind == "application/json" and response.content else None
        if operation is None or (isinstance(told, dict) and (told.get("code"), response.status_code) in ELSEWHERE):
            return ""
        if (known := operation["responses"].get(str(response.status_code))) is None:
            return f"status {response.status_code} is not described: {response.text[:200]}"
        if not response.content:
            return ""
        if (form := known.get("content", {}).get(kind)) is None:
            return f"type {kind} of status {response.status_code} is not described"
        if kind != "application/json":
            return ""
        if form["schema"].get("$ref", "").endswith("/Refused") and told["code"] not in form["examples"]:
            return f"code {told['code']} of status {response.status_code} is not described: {told['message']}"
        return self.misfit(form["schema"], told)

    def misfit(self, schema: dict[str, Any], value: Any) -> str:
        """Return how a value does not fit a schema of the document."""
        name = json.dumps(schema)
        if name not in self._validators:
            whole = {**strict(schema), "components": self._strict}
            self._validators[name] = jsonschema_rs.Draft202012Validator(whole)
        found = [f"{'/'.join(map(str, error.instance_path))}: {error.message[:300]}" for error in self._validators[name].iter_errors(value)]
        return "; ".join(found[:3])

    @cached_property
    def _strict(self) -> Any:
        return strict(self.document["components"])

    @cached_property
    def _paths(self) -> list[tuple[re.Pattern[str], str]]:
        paths = sorted(self.document["paths"], key=lambda path: path.count("{"))
        return [(re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path))), path) for path in paths]

    def _operation(self, method: str, path: str) -> dict[str, Any] | None:
        found = next((known for pattern, known in self._paths if pattern.fullmatch(path)), None)
        operation: dict[str, Any] | None = None if found is None else self.document["paths"][found].get(method.lower())
        return operation


def strict(schema: Any) -> Any:
    """Return a schema in which no object has a field that is not described."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: copy.copy(value) if key == "examples" else strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and schema.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return found
