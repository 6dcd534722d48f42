"""What a route says of itself, so that the OpenAPI document is whole. tests/hub/web/openapi/test_convention.py holds every route to it.

    @router.get("/devices/{name}", response_model=Device, responses=refuses(no_device=404))
    async def device(name: DeviceName) -> Response:
        \"\"\"Return one device. What more there is to say follows the first sentence.\"\"\"

1. The docstring's first sentence is the summary, all of it the description.
2. `response_model` is a Shape, with an example and a docstring below each field that needs one; 204 and files need none. The body is a
   model with an example, too; its numbers are `Number` and `Whole`, what is true or false a StrictBool: nothing is taken for another type.
3. `refuses` names each code that the route's own part raises, with its status. What comes of the gate, the parameters and the body
   (401, 403, 413, 415, 422 bad_request, 429, 503) is added by document.py. A new code gets a line of words in codes.py.
4. Each parameter has a description and an example: one of parameters.py, or Annotated[..., Query(description=..., examples=[...])].
5. A new first part of a path below /api/v1 gets its group in groups.py.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from hub.web.openapi.codes import WORDS

# Of a body: pydantic by itself would take true for 1, and "3" for 3.
Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True)]

_REASONS: Final = {
    400: "It cannot be read",
    401: "Who asks is not known here",
    403: "Who asks may not do this",
    404: "There is no such thing",
    405: "Not with this method",
    408: "It did not come in time",
    409: "It does not fit what is there now",
    413: "It is too large",
    415: "It is of another type",
    422: "It is not as it should be",
    423: "It is kept out",
    426: "It needs a newer HTTP",
    429: "Too many tries: wait",
    431: "The address or the headers are too long",
    500: "An error of the hub",
    502: "The history store refuses this",
    503: "Not now: try again",
    504: "It took too long",
    507: "There is no room",
}
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"description": "How to prove who you are", "schema": {"type": "string"}, "example": "Bearer"}},
    429: {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}, "example": 30}},
    503: {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "minimum": 1}, "example": 1}},
}


class Shape(BaseModel):
    """What an answer looks like: `class User(Shape, json_schema_extra=example({...}))`. Nothing is checked against it but in tests."""

    @classmethod
    def all(cls) -> Iterator[type["Shape"]]:
        """Yield every shape there is."""
        for each in cls.__subclasses__():
            yield each
            yield from each.all()

    @classmethod
    def examples(cls) -> list[Any]:
        """Return the examples that the class was given."""
        extra = cls.model_config.get("json_schema_extra")
        return list(extra.get("examples", ())) if isinstance(extra, dict) else []  # type: ignore[arg-type]


def example(*values: Any) -> dict[str, Any]:
    """Return the examples of a model, as its `json_schema_extra`."""
    return {"examples": list(values)}


def text_content(text: str) -> dict[str, Any]:
    """Return what describes a body that is no JSON."""
    return {"schema": {"type": "string"}, "example": text}


def refuses(**status_of: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that refuses with these codes, each with its HTTP status."""
    found: dict[int | str, dict[str, Any]] = {}
    for code, status in status_of.items():
        add_refusal(found, code, status)
    return found


def add_refusal(responses: dict[Any, dict[str, Any]], code: str, status: int, key: int | str | None = None) -> None:
    """Add a code to `responses`, where it is not there."""
    response = responses.setdefault(status if key is None else key, {"description": _REASONS[status], "content": {}})
    form = response["content"].setdefault("application/json", {"schema": {"$ref": "#/components/schemas/Refused"}, "examples": {}})
    message, hint = WORDS.get(code, (code.replace("_", " "), ""))
    form.setdefault("examples", {}).setdefault(code, {"value": {"code": code, "message": message, "hint": hint}})
    if status in _HEADERS:
        response["headers"] = _HEADERS[status]
