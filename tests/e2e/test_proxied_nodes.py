"""The configurations of docs/deploy for several nodes: two hubs by cluster.toml, pages, sockets and long polls by proxies as they stand.

One of the hubs is killed meanwhile: whoever comes by a proxy is served by the other.
"""

import json
import ssl
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import trio
import trustme
from trio_websocket import ConnectionClosed, HandshakeError, open_websocket_url

from tests.support import redis, victoria
from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import configuration, haproxy, nginx

LOADS = 10
pytestmark = [pytest.mark.slow, *(pytest.mark.needs_server(name) for name in (redis.PROGRAM, victoria.PROGRAM, "nginx", "haproxy"))]


@dataclass
class Outside:
    """Two hubs as one, seen through a proxy."""

    url: str
    trust: ssl.SSLContext
    hubs: list[RunningHub]

    def browser(self) -> httpx.AsyncClient:
        """Return a browser's HTTP; no more."""
        return httpx.AsyncClient(verify=self.trust, trust_env=False, base_url=self.url, headers={"Origin": self.url}, timeout=5.0)

    async def journal(self, browser: httpx.AsyncClient) -> str:
        """Open a page and its socket; return which node has it."""
        for path in ("/", "/static/app/main.js", "/api/v1/hub"):
            assert (await browser.get(path)).status_code == 200, path
        (cookie,) = (each for each in browser.cookies.jar if each.name.startswith("tributary_session"))
        headers = [(b"Cookie", f"{cookie.name}={cookie.value}".encode()), (b"Origin", self.url.encode())]
        address = self.url.replace("https", "wss", 1) + "/v1/live"
        with trio.fail_after(5):
            async with open_websocket_url(address, self.trust, subprotocols=["tributary.live.v1.json"], extra_headers=headers) as viewer:
                ready = json.loads(await viewer.get_message())
        assert ready["op"] == "ready"
        return str(ready["journal"])


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[tuple[Outside, Outside]]:
    """Two hubs behind nginx, and the same behind HAProxy."""
    authority, pem, ports = trustme.CA(), str(tmp_path / "dash.pem"), (free_port(), free_port())
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(pem)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    urls = [f"https://localhost:{port}" for port in ports]
    places = {f"10.0.0.1{at}:8080": f"127.0.0.1:{free_port()}" for at in (1, 2)}
    pems = dict.fromkeys(("/etc/nginx/dash.pem", "/etc/nginx/dash.key"), pem)
    site = configuration("nginx-nodes.conf", {"listen 443 ssl": f"listen 127.0.0.1:{ports[0]} ssl", **pems, **places})
    others = {"bind :443": f"bind 127.0.0.1:{ports[1]}", "/etc/haproxy/dash.pem": pem, "    server hub-3 10.0.0.13:8080\n": ""}
    with ExitStack() as stack:
        server = stack.enter_context(redis.running_redis(tmp_path / "redis"))
        store = stack.enter_context(victoria.running_victoria(tmp_path / "victoria"))
        hubs = [stack.enter_context(node(tmp_path, at, place, urls[0], server, store)) for at, place in enumerate(places.values(), 1)]
        stack.enter_context(nginx(tmp_path / "nginx", site, ports[0]))
        stack.enter_context(haproxy(tmp_path / "haproxy", configuration("haproxy-nodes.cfg", others | places), ports[1]))
        yield Outside(urls[0], trust, hubs), Outside(urls[1], trust, hubs)


def node(
    directory: Path, at: int, place: str, url: str, server: redis.RedisProcess, store: victoria.VictoriaProcess
) -> AbstractContextManager[RunningHub]:
    """Run a hub by cluster.toml."""
    told = {'node = "hub-1"': f'node = "hub-{at}"', "http://10.0.0.11:8080": f"http://{place}", 'host = "10.0.0.11"': 'host = "127.0.0.1"'}
    told |= {"redis://10.0.0.20:6379/0": server.url, "http://10.0.0.30:8428": store.url}
    told |= {"https://dash.example.com": url, '"10.0.0.5"': '"127.0.0.1"'}
    file = directory / f"cluster-{at}.toml"
    file.write_text(configuration("cluster.toml", told))
    return running_hub(directory / str(at), port=int(place.rpartition(":")[2]), environment={"TRIBUTARY_CONFIG": str(file)})


async def poll(browser: httpx.AsyncClient) -> None:
    """Watch by long polls, which are a session of one node."""
    made = await browser.post("/api/v1/live", json={"messages": []})
    assert made.status_code == 201, made.text
    path = f"/api/v1/live/{made.json()['session']}"
    for _ in range(LOADS):
        assert (await browser.post(path, json={"messages": []})).status_code == 204
    found = await browser.get(path, params={"after": 0})
    assert found.status_code == 200, found.text
    assert found.json()["messages"][0]["op"] == "ready"
    assert (await browser.delete(path)).status_code == 204


async def is_served(outside: Outside, browser: httpx.AsyncClient) -> bool:
    """Tell whether nothing is sent to a node that is gone any more: not once in some loads."""
    try:
        for _ in range(LOADS):
            await outside.journal(browser)
    except (AssertionError, httpx.HTTPError, HandshakeError, ConnectionClosed, OSError, trio.TooSlowError):
        return False
    return True


async def test_two_nodes_are_one_hub_behind_each_proxy_and_go_on_as_one(outside: tuple[Outside, Outside]) -> None:
    hubs = outside[0].hubs
    async with outside[0].browser() as by_nginx, outside[1].browser() as by_haproxy:
        each = ((outside[0], by_nginx), (outside[1], by_haproxy))
        for way, browser in each:
            link = await trio.to_thread.run_sync(hubs[0].api, "POST", "/api/v1/logins")
            _, _, path = link["url"].partition(outside[0].url)
            assert (await browser.get(path)).status_code == 200
            assert len({await way.journal(browser) for _ in range(LOADS)}) == 2  # sockets are on either; the login is good on each
            await poll(browser)
        hubs[0].process.kill()
        for way, browser in each:
            with trio.fail_after(30):
                while not await is_served(way, browser):  # noqa: ASYNC110
                    await trio.sleep(0.1)  # a proxy finds out by itself
            assert len({await way.journal(browser) for _ in range(LOADS)}) == 1
            await poll(browser)
