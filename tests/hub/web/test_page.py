"""The page and its files."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest

import dashboard
from hub.web.page import Files
from tests.support.api_hub import api_hub, is_refusal


async def test_the_page_is_for_who_is_logged_in_and_others_read_how_to(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, await hub.browser("viewer") as browser, hub.client() as stranger:
        page = await browser.get("/")
        assert (page.status_code, page.text, page.headers["content-type"]) == (200, "the page", "text/html; charset=utf-8")
        page = await stranger.get("/")
        assert (page.status_code, page.text, page.headers["content-type"]) == (401, "say: tributary login", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("app.js", "text/javascript; charset=utf-8"),
        ("app.css", "text/css; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
        ("fonts/a.woff2", "font/woff2"),
        ("unknown.zzz", "application/octet-stream"),
    ],
)
async def test_files_have_their_type_and_are_asked_for_again_by_tag(tmp_path: Path, name: str, kind: str) -> None:
    async with api_hub(tmp_path, {name: b"content"}) as hub, hub.client() as browser:
        answer = await browser.get(f"/static/{name}")
        assert (answer.content, answer.headers["content-type"], answer.headers["cache-control"]) == (b"content", kind, "no-cache")
        tag = answer.headers["etag"]
        for said in (tag, f"W/{tag}", f'"other", {tag}'):
            again = await browser.get(f"/static/{name}", headers={"If-None-Match": said})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await browser.get(f"/static/{name}", headers={"If-None-Match": '"other"'})).status_code == 200


STRANGE = [
    "",
    ".",
    "..",
    "../admin.token",
    "x/../app.js",
    "./app.js",
    "/app.js",
    "/etc/passwd",
    "..\\admin.token",
    "app.js/",
    "app.js\0",
    "fonts",
    "\ufffd",
    "a" * 300,
]


@pytest.mark.parametrize("name", STRANGE)
async def test_only_the_folders_own_files_are_given_each_under_one_name(tmp_path: Path, name: str) -> None:
    async with api_hub(tmp_path, {"app.js": b"content", "fonts/a.woff2": b""}) as hub, hub.client() as browser:
        request = browser.build_request("GET", "/static/")
        scope = {"type": "http", "method": "GET", "scheme": "http", "query_string": b"", "headers": [], "client": ("10.0.0.9", 1)}
        scope |= {"path": f"/static/{name}", "raw_path": b"", "server": ("hub.example", 8080), "root_path": "", "http_version": "1.1"}
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        await hub.app(scope, receive, send)  # not by httpx, which tidies such paths
        is_refusal(
            httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=sent[1]["body"], request=request), 404, "not_found"
        )


async def test_plotly_comes_out_of_its_installed_wheel(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get("/static/plotly.min.js")
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert len(answer.content) > 1_000_000
        assert (await browser.get("/static/plotly.min.js", headers={"If-None-Match": answer.headers["etag"]})).status_code == 304


async def test_plotly_is_kept_by_browsers_until_its_version_changes(tmp_path: Path) -> None:
    page = b'<script src="/static/plotly.min.js" defer>'
    async with api_hub(tmp_path, {"index.html": page}) as hub, await hub.browser("viewer") as browser:
        address = (await browser.get("/")).text.split('"')[1]
        assert address == f"/static/plotly.min.js?v={version('plotly')}"
        assert "immutable" in (await browser.get(address)).headers["cache-control"]
        for other in ("/static/plotly.min.js", "/static/plotly.min.js?v=0"):
            assert (await browser.get(other)).headers["cache-control"] == "no-cache"


async def test_the_dashboards_own_pages_are_there() -> None:
    files = Files(dashboard.STATIC)
    for name in ("index.html", "login.html"):
        content, kind, _ = await files.get(name)
        assert content.startswith(b"<!doctype html>")
        assert kind == "text/html; charset=utf-8"


PAGE = b'<link href="./static/app.css"><script src="./static/app/main.js" type="module">'


async def test_what_a_page_names_is_kept_by_browsers_until_any_file_changes(tmp_path: Path) -> None:
    files = {"index.html": PAGE, "app/main.js": b"import './a.js'", "app/a.js": b"", "app.css": b"body {}"}
    async with api_hub(tmp_path / "old", files) as hub, await hub.browser("viewer") as browser:
        _, style, _, script, *_ = (await browser.get("/")).text.split('"')
        release = style.removesuffix("/app.css")
        assert script == f"{release}/app/main.js"  # so that what it imports by relative paths has the version too
        for address in (style, script, f"{release}/app/a.js"):
            answer = await browser.get(address.removeprefix("."))
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
        old = await browser.get("/static/@0000/app/a.js")  # of a page that was open while the hub was upgraded
        assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    async with api_hub(tmp_path / "new", {**files, "app/a.js": b"another()"}) as hub, await hub.browser("viewer") as browser:
        assert release not in (await browser.get("/")).text


@pytest.mark.parametrize(
    ("said", "is_packed"),
    [("gzip, deflate", True), ("br;q=1, gzip;q=0.5", True), ("GZIP", True), ("gzip;q=0", False), ("identity", False), ("", False)],
)
async def test_files_come_compressed_to_who_takes_that_and_caches_are_told(tmp_path: Path, said: str, is_packed: bool) -> None:
    content = b"let answer = 42; " * 100
    async with api_hub(tmp_path, {"app.js": content, "little.js": b"1", "a.woff2": content}) as hub, hub.client() as browser:
        answer = await browser.get("/static/app.js", headers={"Accept-Encoding": said})
        assert answer.content == content
        assert ("content-encoding" in answer.headers) is is_packed
        assert (int(answer.headers["content-length"]) < len(content)) is is_packed
        assert answer.headers["vary"] == "Accept-Encoding"
        tags = {"Accept-Encoding": said, "If-None-Match": answer.headers["etag"]}
        again = await browser.get("/static/app.js", headers=tags)
        assert (again.status_code, again.headers["etag"], again.headers["vary"]) == (304, answer.headers["etag"], "Accept-Encoding")
        other = {**tags, "Accept-Encoding": "identity" if is_packed else "gzip"}
        assert (await browser.get("/static/app.js", headers=other)).status_code == 200  # not the same bytes
        for name in ("little.js", "a.woff2"):
            assert "content-encoding" not in (await browser.get(f"/static/{name}", headers={"Accept-Encoding": said})).headers


async def test_plotly_is_less_than_a_third_of_its_size_on_the_way(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.client() as browser:
        answer = await browser.get("/static/plotly.min.js", headers={"Accept-Encoding": "gzip"})
        assert int(answer.headers["content-length"]) < len(answer.content) / 3
