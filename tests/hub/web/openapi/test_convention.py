"""Every route describes itself wholly: the convention of hub/web/openapi/convention.py, held for each operation of a whole hub.

A route that fails here: read that docstring. It says in five lines what a new route has to do.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from hub.web.openapi.codes import WORDS
from hub.web.openapi.convention import refuses
from hub.web.openapi.groups import GROUPS
from tests.support.described import Described
from tests.support.whole_hub import whole_hub

# Pages and their files: for browsers, no part of the API.
PAGES = {("GET", "/"), ("GET", "/shared"), ("GET", "/static/{name:path}"), ("GET", "/favicon.ico"), ("HEAD", "/login")}
SOURCES = Path(__file__).parents[4] / "hub"


async def described(tmp_path: Path) -> Described:
    async with whole_hub(tmp_path) as hub:
        return Described(hub.app.openapi())


def wanting(described: Described) -> Iterator[str]:
    """Yield what is missing, one line for each."""
    for method, path, operation in described.operations():
        place = f"{method} {path}"
        yield from (f"{place}: {each}" for each in [*_words(operation), *_parameters(described, operation)])
        yield from (f"{place}: {each}" for each in [*_body(described, operation), *_answers(described, method, operation)])


def _words(operation: dict[str, Any]) -> Iterator[str]:
    if not 5 <= len(operation["summary"]) <= 120:
        yield "the first sentence of its docstring is no summary"
    if operation["tags"][0] not in GROUPS:
        yield "it has no group: see hub/web/openapi/groups.py"
    if "security" not in operation:
        yield "it does not say who may"


def _parameters(described: Described, operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter["schema"]
        if not (parameter.get("description") or schema.get("description")):
            yield f"parameter {name} has no description"
        examples = schema.get("examples") or ([parameter["example"]] if "example" in parameter else [])
        if not examples:
            yield f"parameter {name} has no example"
        yield from (f"example of {name}: {said}" for each in examples if (said := described.misfit(schema, each)))


def _body(described: Described, operation: dict[str, Any]) -> Iterator[str]:
    for kind, form in operation.get("requestBody", {}).get("content", {}).items():
        yield from (f"body of {kind}: {said}" for said in _examples(described, form))


def _answers(described: Described, method: str, operation: dict[str, Any]) -> Iterator[str]:
    for status, response in operation["responses"].items():
        if status in ("204", "304", "303"):
            continue
        if not response.get("content"):
            yield f"answer {status} has no content: give response_model"
        for kind, form in response.get("content", {}).items():
            yield from (f"answer {status} of {kind}: {said}" for said in _examples(described, form))
        if status in ("429", "503") and "Refused" in str(response) and "Retry-After" not in response.get("headers", {}):
            yield f"answer {status} does not say when to come again"


def _examples(described: Described, form: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the examples of a body or an answer."""
    schema = form.get("schema", {})
    examples = [each["value"] for each in form.get("examples", {}).values()] + ([form["example"]] if form.get("example") else [])
    found = [schema, *schema.get("anyOf", ())]
    names = [each["$ref"].rpartition("/")[2] for each in found if "$ref" in each]
    examples += [value for name in names for value in described.document["components"]["schemas"][name].get("examples", ())]
    if not examples:
        yield "it has no example"
    if schema == {}:
        yield "it has no schema: give response_model"
        return
    yield from (said for each in examples if (said := described.misfit(schema, each)))


async def test_every_route_describes_itself_wholly(tmp_path: Path) -> None:
    assert "\n".join(wanting(await described(tmp_path))) == ""


def coerced(model: type[BaseModel]) -> Iterator[str]:
    """Yield the fields of a body that take another type for their own."""
    extra: Any = model.model_config["json_schema_extra"]
    known = extra["examples"][0]
    for name, field in model.model_fields.items():
        types = {field.annotation, *get_args(field.annotation)}
        others: list[Any] = [True, "3"] if types & {int, float} else [1, "yes"] if bool in types else []
        for other in others:
            try:
                model.model_validate({**known, name: other})
            except ValidationError:
                continue
            yield f"{model.__name__}.{name} takes {other!r}"


async def test_no_body_takes_one_type_for_another(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:
        bodies = [route.body_field.field_info.annotation for route in hub.app.routes if isinstance(route, APIRoute) and route.body_field]
    models = {each for body in bodies for each in (body, *get_args(body)) if isinstance(each, type) and issubclass(each, BaseModel)}
    assert len(models) > 20
    assert [line for model in models for line in coerced(model)] == []


async def test_every_route_is_in_the_document(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:
        known = {(method, path) for method, path, _ in Described(hub.app.openapi()).operations()}
        assert {place for place, _ in hub.routes()} - known == PAGES


async def test_a_route_that_says_nothing_of_itself_is_found(tmp_path: Path) -> None:
    async with whole_hub(tmp_path) as hub:

        @hub.app.get("/api/v1/forgotten/{name}")
        async def forgotten(name: str, where: str = "") -> dict[str, Any]:
            """Hm."""
            return {}

        said = [line.removeprefix("GET /api/v1/forgotten/{name}: ") for line in wanting(Described(hub.app.openapi()))]
    assert {line for line in said if "summary" in line or "group" in line or "no description" in line} == {
        "the first sentence of its docstring is no summary",
        "it has no group: see hub/web/openapi/groups.py",
        "parameter name has no description",
        "parameter where has no description",
    }
    assert "parameter where has no example" in said
    assert "answer 200 of application/json: it has no example" in said


async def test_names_of_operations_are_their_own(tmp_path: Path) -> None:
    names = [operation["operationId"] for _, _, operation in (await described(tmp_path)).operations()]
    assert sorted(names) == sorted(set(names))


async def test_every_code_that_is_described_has_words_and_is_raised_somewhere(tmp_path: Path) -> None:
    codes = set[str]()
    for _, _, operation in (await described(tmp_path)).operations():
        for response in operation["responses"].values():
            codes.update(response.get("content", {}).get("application/json", {}).get("examples", {}))
    sources = "".join(path.read_text() for path in SOURCES.rglob("*.py") if "openapi" not in path.parts)
    made = {"bad_title", "bad_kind", "bad_notes"}  # of the name of a field
    assert {code for code in codes if code not in WORDS} == set()
    assert {code for code in codes - made if f'"{code}"' not in sources} == set()


@pytest.mark.parametrize("status", [401, 429, 503])
def test_a_refusal_that_can_be_got_over_says_how(status: int) -> None:
    assert refuses(busy=status)[status]["headers"].keys() <= {"WWW-Authenticate", "Retry-After"}


def test_words_are_as_short_as_a_line() -> None:
    assert {code for code, (message, hint) in WORDS.items() if not message or len(message) > 120 or re.search(r"[.!]$", hint)} == set()
