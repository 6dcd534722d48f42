"""Users, tokens and the audit log over HTTP."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.api_hub import URL, api_hub, is_refusal

ANN = {"name": "ann", "role": "viewer", "password": "correct horse"}


async def test_a_user_is_added_listed_changed_and_removed(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        added = await admin.post("/api/v1/users", json=ANN)
        assert added.status_code == 201
        assert set(added.json()) == {"name", "role", "created_us", "changed_us", "version"}
        assert (await admin.get("/api/v1/users")).json()["users"] == [added.json()]
        is_refusal(await admin.post("/api/v1/users", json=ANN), 409, "user_exists")
        assert (await admin.patch("/api/v1/users/ann", json={"role": "operator"})).json()["role"] == "operator"
        assert (await admin.patch("/api/v1/users/ann", json={"password": "another horse"})).json()["version"] == 3
        assert await hub.auth.log_in("ann", "another horse", "")
        assert (await admin.delete("/api/v1/users/ann")).status_code == 204
        is_refusal(await admin.delete("/api/v1/users/ann"), 404, "no_user")
        is_refusal(await admin.patch("/api/v1/users/ann", json={"role": "viewer"}), 404, "no_user")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (ANN | {"password": "short"}, "bad_password"),
        (ANN | {"role": "root"}, "bad_request"),
        (ANN | {"name": "Ann"}, "bad_request"),
        (ANN | {"more": 1}, "bad_request"),
        ({"name": "ann", "role": "viewer"}, "bad_request"),
    ],
)
async def test_a_user_that_cannot_be_is_refused_and_not_added(tmp_path: Path, body: dict[str, str], code: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.post("/api/v1/users", json=body), 422, code)
        assert (await admin.get("/api/v1/users")).json() == {"users": []}


@pytest.mark.parametrize(
    "body",
    [{}, {"role": "admin", "password": "correct horse"}, {"role": "admin", "disabled": True}, {"role": "root"}, {"password": "short"}],
)
async def test_a_change_is_of_one_thing_and_a_possible_one(tmp_path: Path, body: dict[str, Any]) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        before = (await admin.post("/api/v1/users", json=ANN)).json()
        assert (await admin.patch("/api/v1/users/ann", json=body)).status_code == 422
        assert (await admin.get("/api/v1/users")).json()["users"] == [before]


async def test_who_was_made_a_viewer_may_do_no_more_from_that_moment(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        await admin.post("/api/v1/users", json=ANN | {"role": "admin"})
        await browser.post("/login", data={"name": "ann", "password": "correct horse"})
        assert (await browser.get("/api/v1/users")).status_code == 200
        await admin.patch("/api/v1/users/ann", json={"role": "viewer"})
        is_refusal(await browser.get("/api/v1/users"), 401, "not_logged_in")
        assert (await browser.get("/")).status_code == 401


async def test_a_token_is_shown_once_works_with_its_role_and_is_revoked(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        made = (await admin.post("/api/v1/tokens", json={"name": "grafana", "role": "viewer"})).json()
        assert made["expires_us"] - made["created_us"] == 90 * 86_400_000_000
        listed = (await admin.get("/api/v1/tokens")).json()["tokens"]
        assert listed == [{key: value for key, value in made.items() if key != "token"}]
        async with hub.client(Authorization=f"Bearer {made['token']}") as program:
            assert (await program.get("/api/v1/hub")).status_code == 200
            is_refusal(await program.get("/api/v1/tokens"), 403, "not_allowed")
            assert (await admin.delete("/api/v1/tokens/grafana")).status_code == 204
            is_refusal(await program.get("/api/v1/hub"), 401, "wrong_token")
        is_refusal(await admin.delete("/api/v1/tokens/grafana"), 404, "no_token")


async def entries_of(client: httpx.AsyncClient, **params: int) -> tuple[list[int], int | None]:
    page = (await client.get("/api/v1/audit", params=params)).json()
    return [entry["number"] for entry in page["entries"]], page["next"]


async def test_the_audit_log_comes_in_pages_newest_first(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        for number in range(5):
            await admin.post("/api/v1/tokens", json={"name": f"t{number}", "role": "viewer"})
        numbers, place = await entries_of(admin, limit=2)
        while place is not None:
            more, place = await entries_of(admin, limit=2, after=place)
            numbers += more
        assert numbers == [5, 4, 3, 2, 1]
        newest = (await admin.get("/api/v1/audit", params={"limit": 1})).json()["entries"][0]
        assert (newest["who"], newest["action"], newest["what"]) == ("admin", "make token", "token t4")
        for params in ({"limit": 0}, {"limit": 1_001}, {"after": 0}, {"after": 2**63}):
            is_refusal(await admin.get("/api/v1/audit", params=params), 422, "bad_request")


async def test_a_disabled_user_and_their_tokens_are_out_until_they_are_enabled(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin, hub.client(Origin=URL) as browser:
        await admin.post("/api/v1/users", json=ANN | {"role": "admin"})
        await admin.post("/api/v1/users", json=ANN | {"name": "bob", "role": "admin"})
        await browser.post("/login", data={"name": "ann", "password": "correct horse"})
        token = (await browser.post("/api/v1/tokens", json={"name": "hers", "role": "viewer"})).json()["token"]
        async with hub.client(Authorization=f"Bearer {token}") as program:
            assert (await program.get("/api/v1/hub")).status_code == 200
            assert (await admin.patch("/api/v1/users/ann", json={"disabled": True})).json()["disabled"] is True
            is_refusal(await admin.patch("/api/v1/users/bob", json={"disabled": True}), 409, "last_admin")
            is_refusal(await browser.get("/api/v1/users"), 401, "not_logged_in")
            is_refusal(await program.get("/api/v1/hub"), 401, "wrong_token")
            refused = await browser.post("/login", data={"name": "ann", "password": "correct horse"})
            assert refused.status_code == 401
            assert "disabled" not in (await admin.patch("/api/v1/users/ann", json={"disabled": False})).json()
            assert (await program.get("/api/v1/hub")).status_code == 200
        assert (await browser.post("/login", data={"name": "ann", "password": "correct horse"})).status_code == 303
