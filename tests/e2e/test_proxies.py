"""The configurations of docs/deploy before a real hub: page loads and sockets through nginx, HAProxy and Caddy, as the files stand."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import trio
import trustme
from trio_websocket import open_websocket_url

from tests.support.hub_process import RunningHub, free_port, running_hub
from tests.support.proxy_process import configuration, haproxy, nginx, running

LOADS = 50
pytestmark = pytest.mark.slow


@pytest.fixture
def pem(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "dash.pem"
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
    return path


@pytest.fixture
def trust(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@contextmanager
def hub_for(directory: Path, public_url: str, **environment: str) -> Iterator[RunningHub]:
    """Run a hub that trusts the proxies of this machine."""
    told = {"TRIBUTARY_PUBLIC_URL": public_url, "TRIBUTARY_TRUSTED_PROXIES": "127.0.0.1", **environment}
    with running_hub(directory / "data", environment=told) as hub:
        yield hub


def place_of(hub: RunningHub) -> str:
    return hub.url.rpartition("/")[2]


async def load_pages(public_url: str, link: str, trust: ssl.SSLContext) -> None:
    """Log in by the link, then load the page and open its socket again and again, over connections that are kept."""
    origin = "/".join(public_url.split("/")[:3])
    address = public_url.replace("https", "wss", 1) + "/v1/live"
    async with httpx.AsyncClient(verify=trust, trust_env=False) as browser:
        answer = await browser.get(link)
        assert answer.status_code == 200, answer.text
        assert "secure" in answer.headers["set-cookie"].lower()
        (cookie,) = browser.cookies.jar
        headers = [(b"Cookie", f"{cookie.name}={cookie.value}".encode()), (b"Origin", origin.encode())]
        for _ in range(LOADS):
            for path in ("/", "/static/app/main.js", "/api/v1/hub"):
                assert (await browser.get(public_url + path)).status_code == 200
            async with open_websocket_url(address, trust, subprotocols=["tributary.live.v1.json"], extra_headers=headers) as viewer:
                assert json.loads(await viewer.get_message())["op"] == "ready"


async def drive(hub: RunningHub, public_url: str, trust: ssl.SSLContext) -> None:
    """Get a link into the hub by the public address, and load pages."""
    link = await trio.to_thread.run_sync(hub.api, "POST", "/api/v1/logins")
    assert link["url"].startswith(f"{public_url}/login?token=")
    with trio.fail_after(60):
        await load_pages(public_url, link["url"], trust)


@pytest.mark.needs_server("nginx")
async def test_nginx_with_kept_connections_and_a_base_path_lets_every_socket_through(
    tmp_path: Path, pem: Path, trust: ssl.SSLContext
) -> None:
    port = free_port()
    url = f"https://localhost:{port}/hub"
    with hub_for(tmp_path, url) as hub:
        changes = {"listen 443 ssl": f"listen 127.0.0.1:{port} ssl", "/etc/nginx/dash.pem": str(pem), "/etc/nginx/dash.key": str(pem)}
        site = configuration("nginx.conf", changes | {"127.0.0.1:8080": place_of(hub)})
        with nginx(tmp_path / "nginx", site, port):
            await drive(hub, url, trust)


@pytest.mark.needs_server("haproxy")
async def test_haproxy_that_always_reuses_connections_lets_every_socket_through(tmp_path: Path, pem: Path, trust: ssl.SSLContext) -> None:
    port, spare = free_port(), free_port()
    url = f"https://localhost:{port}"
    with hub_for(tmp_path, url) as hub:
        changes = {"bind :443": f"bind 127.0.0.1:{port}", "bind :8443": f"bind 127.0.0.1:{spare}", "/etc/haproxy/dash.pem": str(pem)}
        with haproxy(tmp_path / "haproxy", configuration("haproxy.cfg", changes | {"127.0.0.1:8080": place_of(hub)}), port):
            await drive(hub, url, trust)


@pytest.mark.needs_server("haproxy")
async def test_haproxy_that_passes_bytes_on_names_the_client_before_tls(tmp_path: Path, pem: Path, trust: ssl.SSLContext) -> None:
    port, spare = free_port(), free_port()
    url = f"https://localhost:{port}"
    told = {"TRIBUTARY_PROXY_PROTOCOL": "true", "TRIBUTARY_TLS_CERTIFICATE": str(pem), "TRIBUTARY_TLS_KEY": str(pem)}
    with hub_for(tmp_path, url, **told) as hub:
        changes = {"bind :443": f"bind 127.0.0.1:{spare}", "bind :8443": f"bind 127.0.0.1:{port}", "/etc/haproxy/dash.pem": str(pem)}
        with haproxy(tmp_path / "haproxy", configuration("haproxy.cfg", changes | {"127.0.0.1:8080": place_of(hub)}), port):
            async with httpx.AsyncClient(verify=trust, trust_env=False) as client:
                headers = {"Authorization": f"Bearer {hub.admin_token}"}
                link = (await client.post(f"{url}/api/v1/logins", headers=headers)).json()["url"]
            with trio.fail_after(60):
                await load_pages(url, link, trust)


@pytest.mark.needs_server("haproxy")
async def test_haproxy_before_several_nodes_lets_every_socket_through(tmp_path: Path, pem: Path, trust: ssl.SSLContext) -> None:
    port = free_port()
    url = f"https://localhost:{port}"
    with hub_for(tmp_path, url) as hub:  # in the place of all of them; simulators/cluster has several
        changes = {f"10.0.0.{at}:8080": place_of(hub) for at in (11, 12, 13)}
        changes |= {"bind :443": f"bind 127.0.0.1:{port}", "/etc/haproxy/dash.pem": str(pem)}
        with haproxy(tmp_path / "haproxy", configuration("haproxy-nodes.cfg", changes), port):
            await drive(hub, url, trust)


@pytest.mark.needs_server("caddy")
async def test_caddy_lets_every_socket_through(tmp_path: Path, pem: Path, trust: ssl.SSLContext) -> None:
    port = free_port()
    url = f"https://localhost:{port}"
    with hub_for(tmp_path, url) as hub:
        site = configuration("Caddyfile", {"dash.example.com {": f"{url} {{\n\ttls {pem} {pem}", "127.0.0.1:8080": place_of(hub)})
        (tmp_path / "Caddyfile").write_text("{\n\tadmin off\n\tauto_https disable_redirects\n}\n" + site)
        with running(["caddy", "run", "--config", str(tmp_path / "Caddyfile"), "--adapter", "caddyfile"], port):
            await drive(hub, url, trust)
