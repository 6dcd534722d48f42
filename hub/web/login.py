"""Routes of logging in, by a one-time link or a password, and out.

Owns the session cookie and what the login page says; hub/auth decides who is let in. Made into the app by api.py.
"""

from collections.abc import Callable
from html import escape
from typing import Annotated, Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from hub.auth import SESSION_S, LockedOut, Principal
from hub.core.errors import Refusal
from hub.web.access import Access, Action, address_of, is_encrypted
from hub.web.envelope import LOGIN_PATH, Answer
from hub.web.openapi.convention import example, refuses, text_content
from hub.web.page import LOGIN_PAGE, Files
from hub.web.shapes.users import LoginLink

# Not a redirect: a browser that came by a link on another site would follow it without the new cookie, which is SameSite=Strict.
_WELCOME: Final = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=./">
<title>Logged in - Tributary</title>
<p>You are logged in. <a href="./">Go to the dashboard</a></p>
</html>
"""
_PLACE: Final = b"<!-- what went wrong -->"  # in login.html
_FORM: Final = "application/x-www-form-urlencoded"
_HTML: Final = {"text/html": text_content("<!doctype html>")}
_NOT_IN: Final[dict[int | str, dict[str, Any]]] = {
    401: {"description": "Not let in: the form, saying why", "content": _HTML},
    429: {"description": "Too many wrong tries: the form, saying how long to wait", "content": _HTML},
}
_PAGES: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "Logged in, with the session cookie", "content": _HTML}, **_NOT_IN}
_LET_IN: Final[dict[int | str, dict[str, Any]]] = {
    303: {"description": "Logged in, with the session cookie: go to the page"},
    **_NOT_IN,
    **refuses(foreign_origin=403, bad_request=422, store_unavailable=503),
}
_BY_COOKIE: Final[dict[str, Any]] = {"security": [{"cookie": []}, {}]}
_Token = Annotated[str, Query(description="Of a login link, good for one use", examples=["8Yk2Jd0x7yY1v"])]
_FIELDS: Final = {"type": "object", "properties": {"name": {"type": "string"}, "password": {"type": "string", "format": "password"}}}
_FORM_BODY: Final = {
    "requestBody": {"required": True, "content": {_FORM: {"schema": _FIELDS, "example": {"name": "ann", "password": "ten or more"}}}}
}
_MAX_FORM_BYTES: Final = 8_192


def _printable(name: str) -> str:
    """Refuse control characters, and half a surrogate pair, which JSON can spell."""
    if not name.isprintable():
        raise ValueError("a name is made of printable characters")
    return name


class NewLogin(BaseModel, json_schema_extra=example({"name": "ann", "role": "viewer"})):
    """Whom a login link lets in, and as what."""

    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_printable)] = "admin"
    role: Literal["viewer", "operator", "admin"] = "admin"


def login_routes(access: Access, base_url: Callable[[], str], files: Files) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _ways_in(router, access, base_url, files)
    auth = access.auth

    @router.post("/logout", status_code=204, responses=refuses(foreign_origin=403, store_unavailable=503), openapi_extra=_BY_COOKIE)
    async def logout(request: Request) -> Response:
        """End the session."""
        access.check_origin(request)
        session = auth.session_of(request.headers)
        if session is not None:
            await auth.logout(session)
        response = Response(status_code=204)
        response.delete_cookie(auth.cookie, path=cookie_path(base_url()))
        return response

    @router.post("/api/v1/logins", status_code=201, response_model=LoginLink)
    async def new_login(by: Annotated[Principal, Depends(access.may(Action.USERS))], new: NewLogin | None = None) -> Response:
        """Return a new one-time login link, for an administrator unless the body says otherwise."""
        new = new or NewLogin()
        return Answer({"url": f"{base_url()}{LOGIN_PATH}?token={await auth.new_login(new.name, new.role, by.name)}"}, 201)

    return router


def _ways_in(router: APIRouter, access: Access, base_url: Callable[[], str], files: Files) -> None:
    auth = access.auth

    @router.get(LOGIN_PATH, response_class=HTMLResponse, responses=_PAGES)
    async def link(request: Request, token: _Token = "") -> Response:
        """Use up a one-time link; without one show the form."""
        session = await auth.use_login(token, address_of(request)) if token else None
        if session is not None:
            return let_in(access, base_url(), request, session, HTMLResponse(_WELCOME))
        if await auth.principal(request.headers) is not None:
            return HTMLResponse(_WELCOME)  # a link that was used up, by this browser say: it is where it wants to be
        if not token:
            return await _login_page(files, "", 401)
        try:
            await auth.wrong_token(address_of(request))
        except LockedOut as refusal:
            return await _login_page(files, f"{refusal.message}; {refusal.hint}", refusal.status)
        return await _login_page(files, "this link has been used already, or is too old", 401)

    @router.post(LOGIN_PATH, status_code=303, response_class=HTMLResponse, responses=_LET_IN, openapi_extra=_FORM_BODY)
    async def password(request: Request) -> Response:
        """Log in by the form of the page."""
        access.check_origin(request)
        name, said = await _form(request)
        try:
            session = await auth.log_in(name, said, address_of(request))
        except Refusal as refusal:
            return await _login_page(files, f"{refusal.message}; {refusal.hint}", refusal.status)
        # The form is this site's own, so that the cookie goes along; a page to reload would ask whether to send the password again.
        return let_in(access, base_url(), request, session, Response(status_code=303, headers={"Location": "./"}))

    @router.head(LOGIN_PATH, include_in_schema=False)
    async def preview() -> Response:
        """Answer who only looks, such as a link preview, without using the link up."""
        return Response()


async def _form(request: Request) -> tuple[str, str]:
    """Return name and password of the form. Raises Refusal."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind != _FORM or len(body) > _MAX_FORM_BYTES:
        raise Refusal("bad_request", "this is no form of the login page", f"send {_FORM} with name and password", 422)
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=10, errors="replace")
    except ValueError:
        raise Refusal("bad_request", "the form cannot be read", "send name and password, in UTF-8", 422) from None
    return fields.get("name", [""])[0], fields.get("password", [""])[0]


def let_in(access: Access, base_url: str, request: Request, session: str, response: Response) -> Response:
    """Give the browser its session. That before is replaced: nobody could end it any more. Only then, so that its tabs find the new one."""
    auth = access.auth
    if (before := auth.session_of(request.headers)) is not None:
        response.background = BackgroundTask(auth.logout, before)
    is_secure = is_encrypted(request) or base_url.startswith("https:")
    path = cookie_path(base_url)
    response.set_cookie(auth.cookie, session, max_age=SESSION_S, path=path, httponly=True, samesite="strict", secure=is_secure)
    return response


def cookie_path(base_url: str) -> str:
    """Return the path of this hub: what stands beside it on the same host gets no cookie of it."""
    return urlsplit(base_url).path + "/"


async def _login_page(files: Files, wrong: str, status: int) -> Response:
    content, kind, _ = await files.get(LOGIN_PAGE)
    if wrong:
        said = f'<p class="error" role="alert">{escape(wrong[0].upper() + wrong[1:])}.</p>'
        content = content.replace(_PLACE, said.encode())
    return Response(content, status, media_type=kind)
