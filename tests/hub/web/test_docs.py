"""The description and its page are for everybody, and say nothing of this hub."""

from pathlib import Path

import dashboard
from tests.support.api_hub import api_hub


async def test_anybody_reads_the_description_and_its_page(tmp_path: Path) -> None:
    page = (dashboard.STATIC / "api.html").read_bytes()
    async with api_hub(tmp_path, {"api.html": page}) as hub, hub.client() as stranger:
        answer = await stranger.get("/api/v1/docs")
        assert (answer.content, answer.headers["content-type"]) == (page, "text/html; charset=utf-8")
        assert answer.headers["cache-control"] == "no-cache"
        said = await stranger.get("/api/v1/openapi.json")
        assert said.json()["openapi"].startswith("3.1")
        assert hub.admin_token not in said.text


def test_the_page_asks_nothing_of_other_hosts() -> None:
    for name in ("api.html", "api.js", "api.css"):
        text = (dashboard.STATIC / name).read_text()
        assert "http://" not in text
        assert "https://" not in text
        assert "innerHTML" not in text
