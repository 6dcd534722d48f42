"""Two real hubs on one real Redis: whatever is made, changed or removed through one is seen through the other, without a restart.

Each kind of thing once, through the API of one and read through that of the other, also after Redis was away; and what a change ends is
ended on both. What becomes of commands, shadows and leases between nodes is tested in tests/hub/nodes.
"""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from hub.client import HubClient
from tests.support.hub_process import HubFailed, HubProcess, RunningHub, running_hub
from tests.support.redis import PROGRAM, RedisProcess, running_redis
from tests.support.waiting import wait_until

pytestmark = pytest.mark.needs_server(PROGRAM)

DASHBOARD = {"title": "Hall", "variables": [], "range": "1h", "tiles": []}
PASSWORD = "correct horse battery"
_WAIT_S = 15.0


@dataclass
class Two:
    """The hubs, and the Redis that they share."""

    one: RunningHub
    two: RunningHub
    redis: RedisProcess


def environment(redis: RedisProcess, name: str, store: str = "victoriametrics+http://127.0.0.1:9") -> dict[str, str]:
    """Return that of a node. No test here needs the history: its database is away."""
    settings = {"STATE": "redis", "REDIS_URL": redis.url, "NODE": name, "STORE": store}
    return {f"TRIBUTARY_{key}": value for key, value in settings.items()}


@contextmanager
def nodes(directory: Path) -> Iterator[Two]:
    """Run a Redis and two hubs on it."""
    with ExitStack() as stack:
        redis = stack.enter_context(running_redis(directory / "redis"))
        hubs = [stack.enter_context(running_hub(directory / name, environment=environment(redis, name))) for name in ("one", "two")]
        yield Two(hubs[0], hubs[1], redis)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    with nodes(tmp_path_factory.mktemp("nodes")) as two:
        yield two


def printed_by(*words: str) -> str:
    """Run a command and return what it prints."""
    done = subprocess.run([str(Path(sys.executable).parent / "tributary"), *words], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def names(hub: RunningHub, path: str, what: str, key: str = "name") -> list[str]:
    """Return the names of what a list holds."""
    return [each[key] for each in hub.api("GET", path)[what]]


def is_good(hub: RunningHub, token: str, path: str = "/api/v1/devices") -> bool:
    """Tell whether a token is let in."""
    request = urllib.request.Request(hub.url + path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError as refusal:
        refusal.close()
        return False


def test_both_are_listed_and_know_each_other(two: Two) -> None:
    def known(hub: RunningHub) -> list[str]:
        return sorted(each["name"] for each in hub.api("GET", "/api/v1/nodes")["nodes"] if each["url"])

    wait_until(lambda: known(two.one) == known(two.two) == ["one", "two"])
    said = two.one.api("GET", "/api/v1/nodes")
    assert (said["node"], said["stale"], [each["alive"] for each in said["nodes"]]) == ("one", None, [True, True])
    printed = printed_by("node", "list", "--data-dir", str(two.one.process.data_dir))
    first, second = printed.splitlines()[1:]
    assert first.startswith("one (this one)  ")
    assert second.startswith("two  ")
    assert two.two.url in second


def test_api_tokens(two: Two) -> None:
    made = two.one.api("POST", "/api/v1/tokens", {"name": "script", "role": "viewer", "days": 1})
    wait_until(lambda: is_good(two.two, made["token"]))
    two.two.api("DELETE", "/api/v1/tokens/script")
    assert not is_good(two.two, made["token"])
    wait_until(lambda: not is_good(two.one, made["token"]))


def test_users(two: Two) -> None:
    two.one.api("POST", "/api/v1/users", {"name": "ann", "role": "viewer", "password": PASSWORD})
    wait_until(lambda: "ann" in names(two.two, "/api/v1/users", "users"))
    two.two.api("PATCH", "/api/v1/users/ann", {"role": "operator"})
    wait_until(lambda: [each["role"] for each in two.one.api("GET", "/api/v1/users")["users"] if each["name"] == "ann"] == ["operator"])
    two.one.api("DELETE", "/api/v1/users/ann")
    wait_until(lambda: "ann" not in names(two.two, "/api/v1/users", "users"))


def test_a_login_is_good_on_both_nodes_until_it_is_ended_on_one(two: Two) -> None:
    two.one.api("POST", "/api/v1/users", {"name": "eve", "role": "viewer", "password": PASSWORD})
    with httpx.Client(headers={"Origin": two.one.url}) as browser:
        assert browser.post(f"{two.one.url}/login", data={"name": "eve", "password": PASSWORD}).status_code == 303
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())

    def status(hub: RunningHub) -> int:
        return httpx.get(f"{hub.url}/api/v1/devices", headers={"Cookie": cookie}).status_code

    wait_until(lambda: status(two.two) == 200)
    assert status(two.one) == 200
    two.two.api("PATCH", "/api/v1/users/eve", {"disabled": True})
    assert status(two.two) == 401
    wait_until(lambda: status(two.one) == 401)


def test_devices(two: Two) -> None:
    two.one.provision("pump")
    wait_until(lambda: "pump" in names(two.two, "/api/v1/devices", "devices", "device"))
    two.two.api("PATCH", "/api/v1/devices/pump", {"title": "North pump"})
    wait_until(lambda: two.one.api("GET", "/api/v1/devices/pump").get("title") == "North pump")
    two.one.api("DELETE", "/api/v1/devices/pump")
    wait_until(lambda: "pump" not in names(two.two, "/api/v1/devices", "devices", "device"))


def test_rules_silences_and_targets(two: Two) -> None:
    rule = {"rule": "hot", "kind": "above", "channels": ["temp"], "limit": 80}
    two.one.api("POST", "/api/v1/rules", rule)
    two.one.api("POST", "/api/v1/targets", {"target": "on-call", "kind": "webhook", "url": "https://hooks.example/x"})
    silence = two.one.api("POST", "/api/v1/silences", {"rule": "hot", "for_s": 600, "reason": "work"})["id"]
    wait_until(lambda: names(two.two, "/api/v1/rules", "rules", "rule") == ["hot"])
    wait_until(lambda: names(two.two, "/api/v1/targets", "targets", "target") == ["on-call"])
    wait_until(lambda: silence in names(two.two, "/api/v1/silences", "silences", "id"))
    two.two.api("DELETE", "/api/v1/rules/hot")
    two.two.api("DELETE", "/api/v1/targets/on-call")
    wait_until(lambda: names(two.one, "/api/v1/rules", "rules", "rule") == [])
    wait_until(lambda: names(two.one, "/api/v1/targets", "targets", "target") == [])


async def test_pages_on_one_node_show_what_is_changed_through_the_other(two: Two) -> None:
    async with HubClient(two.two.url, two.two.admin_token) as client, client.live() as live:

        async def shows(name: str, *, is_gone: bool) -> None:
            async for message in live:
                items = message.get("items", ()) if message["op"] == "devices" else ()
                if any(item["device"] == name and item.get("removed", False) is is_gone for item in items):
                    return

        with trio.fail_after(_WAIT_S):
            await trio.to_thread.run_sync(two.one.provision, "fan")
            await shows("fan", is_gone=False)
            await trio.to_thread.run_sync(two.one.api, "DELETE", "/api/v1/devices/fan")
            await shows("fan", is_gone=True)


def test_provisioning_keys(two: Two) -> None:
    body = {"name": "pumps", "prefix": "pump-", "max_devices": 2, "days": 1}
    two.one.api("POST", "/api/v1/provisioning", body)
    wait_until(lambda: "pumps" in names(two.two, "/api/v1/provisioning", "keys"))
    two.two.api("DELETE", "/api/v1/provisioning/pumps")
    wait_until(lambda: "pumps" not in names(two.one, "/api/v1/provisioning", "keys"))


def test_dashboards_and_what_is_shared_of_them(two: Two) -> None:
    two.one.api("PUT", "/api/v1/dashboards/hall", {"version": 0, "dashboard": DASHBOARD})
    wait_until(lambda: "hall" in names(two.two, "/api/v1/dashboards", "dashboards"))
    two.two.api("PUT", "/api/v1/dashboards/hall", {"version": 1, "dashboard": DASHBOARD | {"title": "Great hall"}})
    wait_until(lambda: two.one.api("GET", "/api/v1/dashboards/hall")["dashboard"]["title"] == "Great hall")
    two.one.api("POST", "/api/v1/dashboards/hall/shares", {"name": "screen"})
    wait_until(lambda: names(two.two, "/api/v1/dashboards/hall/shares", "shares") == ["screen"])
    two.two.api("DELETE", "/api/v1/dashboards/hall")
    wait_until(lambda: "hall" not in names(two.one, "/api/v1/dashboards", "dashboards"))


def test_a_change_of_what_another_node_has_changed_is_never_lost(two: Two) -> None:
    two.one.api("PUT", "/api/v1/dashboards/both", {"version": 0, "dashboard": DASHBOARD})
    wait_until(lambda: "both" in names(two.two, "/api/v1/dashboards", "dashboards"))
    two.one.api("PUT", "/api/v1/dashboards/both", {"version": 1, "dashboard": DASHBOARD})
    with pytest.raises(AssertionError, match=r"409 .*conflict"):
        two.two.api("PUT", "/api/v1/dashboards/both", {"version": 1, "dashboard": DASHBOARD})


def test_after_redis_was_away_both_go_on_with_what_it_has(tmp_path: Path) -> None:
    with nodes(tmp_path) as two:
        two.one.api("POST", "/api/v1/tokens", {"name": "before", "role": "viewer", "days": 1})
        two.redis.kill()
        two.redis.start()
        wait_until(lambda: tries(lambda: two.one.api("POST", "/api/v1/tokens", {"name": "after", "role": "viewer", "days": 1})))
        wait_until(lambda: names(two.two, "/api/v1/tokens", "tokens") == ["after", "before"])
        for hub in (two.one, two.two):
            assert "Traceback" not in hub.process.log.read_text()


def tries(call: Callable[[], Any]) -> bool:
    """Tell whether a call is answered; while Redis comes back it is refused."""
    with suppress(AssertionError):
        call()
        return True
    return False


def test_a_second_node_of_one_name_and_one_with_a_history_of_its_own_are_refused(two: Two, tmp_path: Path) -> None:
    for name, store, said in (("one", "victoriametrics+http://127.0.0.1:9", "another node is called one"), ("three", "duckdb", "duckdb")):
        hub = HubProcess(tmp_path / f"{name}-{store[:4]}", environment=environment(two.redis, name, store))
        try:
            with pytest.raises(HubFailed, match=said):
                hub.start()
            assert "Traceback" not in hub.log.read_text()
        finally:
            hub.kill()
