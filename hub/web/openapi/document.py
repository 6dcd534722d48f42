"""The OpenAPI document: what FastAPI reads off the routes, and what follows for each from its gate, its parameters and its body.

Owns what all routes have in common, said once and not at each; what is a route's own stands beside it (convention.py). Called by api.py.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from hub.web.envelope import Refused
from hub.web.openapi.convention import Shape, add_refusal
from hub.web.openapi.fields import descriptions_of
from hub.web.openapi.groups import GROUPS, group_of

SCHEMES: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API token (tributary token add), or the content of admin.token"},
    "provisioning": {"type": "http", "scheme": "bearer", "description": "A provisioning key (tributary provisioning add)"},
    "device": {"type": "http", "scheme": "bearer", "description": "The token of a device (tributary device add)"},
}
_ABOUT: Final = """The HTTP API of a Tributary hub. docs/api.md tells it as a story.

Every refusal has one shape: `code` for programs, `message` and `hint` for people. Before a request comes to its route the hub may also
say 400 (it is no HTTP), 404 `not_found`, 405 `bad_method` with `Allow`, 408, 426, 431 (a head of more than 8 KiB), 501, 503 or 505.

A query parameter that a route does not have is refused, and so is one that is there twice where one is due. Bodies are JSON in UTF-8, of
at most 1 MiB and 32 levels, without doubled keys, NaN and infinities. HEAD is answered as GET, OPTIONS with `Allow`.

Lists that can grow come in pages: `limit` is the most entries, and `next` of an answer, where it is not null, is the `after` of the next
page."""


def routes_of(routes: Sequence[BaseRoute]) -> Iterator[APIRoute]:
    """Yield every route of an app, also of the routers in it."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif (router := getattr(route, "original_router", None)) is not None:
            yield from routes_of(router.routes)


def methods_of(app: FastAPI, path: str) -> list[str]:
    """Return what may be done with a path, HEAD and OPTIONS among it."""
    found = {method for route in routes_of(app.routes) if route.path_regex.match(path) for method in route.methods or ()}
    return sorted(found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set()))


def calls_of(dependant: Dependant) -> Iterator[Any]:
    """Yield every dependency of a route."""
    for each in dependant.dependencies:
        yield each.call
        yield from calls_of(each)


def describer(app: FastAPI, cookie: str) -> Callable[[], dict[str, Any]]:
    """Return what gives the document of an app, made when it is first asked for; `cookie` is the name of the session cookie."""
    made: list[dict[str, Any]] = []

    def document() -> dict[str, Any]:
        if not made:
            made.append(_document(app, cookie))
        return made[0]

    return document


def _document(app: FastAPI, cookie: str) -> dict[str, Any]:
    whole = FastAPI(responses={"default": {"model": Refused, "description": "A refusal"}})  # for the model; _complete says which there are
    whole.include_router(app.router)
    said = get_openapi(title="Tributary", version="1", summary="An IoT hub", description=_ABOUT, routes=whole.routes)
    for route in routes_of(app.routes):
        for method in route.methods or ():
            operation = said["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, route, method)
    groups = {tag for path in said["paths"].values() for operation in path.values() for tag in operation["tags"]}
    said["tags"] = [{"name": name, "description": text} for name, text in GROUPS.items() if name in groups]
    session = {"type": "apiKey", "in": "cookie", "name": cookie, "description": "A browser that has logged in; changes also need Origin"}
    said["components"]["securitySchemes"] = {**SCHEMES, "cookie": session}
    for name in ("HTTPValidationError", "ValidationError"):
        said["components"]["schemas"].pop(name, None)
    _describe_shapes(said["components"]["schemas"])
    return said


def _describe_shapes(schemas: dict[str, dict[str, Any]]) -> None:
    shapes = {shape.__name__: shape for shape in Shape.all()}
    for name, schema in schemas.items():
        schema["title"] = name
        shape = shapes.get(name)
        if shape is not None and (examples := shape.examples()):
            schema["examples"] = examples  # FastAPI takes every null out of them
        descriptions = {} if shape is None else descriptions_of(shape)
        for field, each in schema.get("properties", {}).items():
            each.pop("title", None)
            if field in descriptions:
                each.setdefault("description", descriptions[field])


def _complete(operation: dict[str, Any], route: APIRoute, method: str) -> None:
    said = " ".join((route.endpoint.__doc__ or "").split())
    operation["summary"] = said.partition(". ")[0].partition("; ")[0].rstrip(".")
    operation["description"] = (route.endpoint.__doc__ or "").strip()
    operation["tags"] = [group_of(route.path_format) or "?"]
    operation["operationId"] = _operation_id(route, method)
    responses = operation["responses"]
    responses.pop("default", None)
    if "HTTPValidationError" in str(responses.get("422", {})):
        del responses["422"]
    for code, status in _common(operation, route):
        add_refusal(responses, code, status, str(status))
    for response in responses.values():
        if response.get("description") == "Successful Response":
            response["description"] = "It is done" if not response.get("content") else "It is as asked"
    operation["responses"] = dict(sorted(responses.items()))
    for parameter in operation.get("parameters", ()):
        parameter["schema"].pop("title", None)


def _operation_id(route: APIRoute, method: str) -> str:
    """Return a name that is the route's own: get_devices_name_losses."""
    words = [word.strip("{}").replace(".", "_") for word in route.path_format.removeprefix("/api/v1").split("/") if word]
    return "_".join([method.lower(), *words])


def _common(operation: dict[str, Any], route: APIRoute) -> Iterator[tuple[str, int]]:
    """Yield what follows for a route from what stands before it, and give the operation its security."""
    gates = [call for call in calls_of(route.dependant) if hasattr(call, "schemes")]
    operation.setdefault("security", [{scheme: []} for gate in gates for scheme in gate.schemes])
    for gate in gates:
        yield from gate.refuses()
    if gates:
        operation["x-roles"] = [role for gate in gates for role in gate.roles]
        yield from (("unknown_parameter", 422), ("store_unavailable", 503))
    if any(each["in"] == "query" and each["schema"].get("type") != "array" for each in operation.get("parameters", ())) and gates:
        yield "repeated_parameter", 422
    if operation.get("parameters"):
        yield "bad_request", 422
    if "requestBody" in operation:
        yield from (("bad_request", 400), ("body_timeout", 408), ("body_too_large", 413), ("bad_request", 422))
        if "application/json" in operation["requestBody"]["content"]:
            yield "bad_content_type", 415
    yield from (("head_too_large", 431), ("internal", 500))  # of the address, mostly
