"""A second look before a node says that something is not there, or is otherwise than asked: another node may have made or changed it.

Owns which refusals that is of: those that are judged by what this node knows. The route is run anew once all is known that other nodes have
changed, but never where it has done something before it was refused. Put round the routes by api.py on a hub that has nodes beside it.
"""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute, request_response

from hub.core.done import watched
from hub.core.errors import Refusal
from hub.ports import Conflict
from hub.web.settings import UPLOADS


def look_again(app: FastAPI, catch_up: Callable[[], Awaitable[bool]]) -> None:
    """Have every route of the API look twice; not those whose body comes once, in pieces."""
    for route in app.router.routes:
        if isinstance(route, APIRoute) and route.path.startswith("/api/") and route.path not in UPLOADS:
            route.app = request_response(_twice(route.get_route_handler(), catch_up))


def _twice(
    answer: Callable[[Request], Awaitable[Response]], catch_up: Callable[[], Awaitable[bool]]
) -> Callable[[Request], Awaitable[Response]]:
    async def twice(request: Request) -> Response:
        with watched() as done:
            try:
                return await answer(request)
            except (Refusal, Conflict) as error:
                if done.is_any or not _may_be_over(error) or not await catch_up():
                    raise
        return await answer(request)

    return twice


def _may_be_over(error: Refusal | Conflict) -> bool:
    """Tell whether the word of another node may end a refusal: of what is not there, is there already, or was changed."""
    return isinstance(error, Conflict) or error.status in (404, 409) or error.code == "out_of_reach"
