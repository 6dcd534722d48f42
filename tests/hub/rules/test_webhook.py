"""One attempt at a webhook, at real servers: signed, at the checked address under its name, no redirects, no answer that holds it up."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trustme

from hub.core.notices import Event, Target, TargetKind, notice
from hub.rules.addresses import allowed_in
from hub.rules.webhook import Outcome, Webhooks
from tests.support.odd_server import OddServer, hang, hang_up
from tests.support.receiver import Receiver, running

NOW_US = 1_700_000_000_000_000
NOTICE = notice("on-call", Event.TEST, None, 1, NOW_US, 60.0)


def webhooks(*allow: str) -> Webhooks:
    return Webhooks(allowed_in(allow or ("127.0.0.1",)), lambda: NOW_US)


def target(url: str, **more: Any) -> Target:
    return Target("on-call", TargetKind.WEBHOOK, url=url, secret="whsec_new", **more)


@asynccontextmanager
async def odd(*answers: Any) -> AsyncIterator[OddServer]:
    server = OddServer(list(answers))
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, server.handle, 0)
        server.port = listeners[0].socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()


async def test_a_notice_is_posted_signed_and_named_by_its_id() -> None:
    async with running(Receiver()) as receiver:
        assert await webhooks().send(target(receiver.url + "?team=1"), NOTICE) == Outcome(True, 204)
        head = receiver.heads[0]
        assert head[":line"] == "POST /hook?team=1 HTTP/1.1"
        assert head["host"] == f"127.0.0.1:{receiver.port}"
        assert (head["tributary-delivery"], head["tributary-timestamp"]) == (NOTICE["id"], "1700000000")
        assert receiver.taken == [{"id": NOTICE["id"], "event": "test", "made_us": NOW_US}]
        assert receiver.is_signed(0, "whsec_new")
        assert not receiver.is_signed(0, "whsec_other")


async def test_while_the_old_secret_is_good_both_sign() -> None:
    async with running(Receiver()) as receiver:
        await webhooks().send(target(receiver.url, old_secret="whsec_old", old_secret_until_us=NOW_US + 1), NOTICE)
        await webhooks().send(target(receiver.url, old_secret="whsec_old", old_secret_until_us=NOW_US), NOTICE)
        assert receiver.is_signed(0, "whsec_new")
        assert receiver.is_signed(0, "whsec_old")
        assert not receiver.is_signed(1, "whsec_old")


@pytest.mark.parametrize(
    ("status", "is_refused"), [(302, False), (307, False), (400, True), (404, True), (410, True), (429, False), (503, False)]
)
async def test_any_answer_but_2xx_is_no_delivery_and_a_redirect_is_not_followed(status: int, is_refused: bool) -> None:
    async with running(Receiver(answers=[status])) as receiver:
        outcome = await webhooks().send(target(receiver.url), NOTICE)
        assert (outcome.is_delivered, outcome.status, outcome.is_refused) == (False, status, is_refused)
        assert str(status) in outcome.error
        assert len(receiver.heads) == 1


async def test_an_address_that_is_not_allowed_is_not_connected_to() -> None:
    async with running(Receiver()) as receiver:
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), receiver.url.replace("127.0.0.1", "2130706433")):
            outcome = await webhooks("10.0.0.1").send(target(url), NOTICE)
            assert "no public address" in outcome.error
        assert receiver.heads == []


async def test_a_name_that_is_allowed_is_asked_for_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # which would see what is sent, and resolve names itself
    async with running(Receiver()) as receiver:
        assert (await webhooks("localhost").send(target(f"http://localhost:{receiver.port}/"), NOTICE)).is_delivered
        assert receiver.heads[0]["host"] == f"localhost:{receiver.port}"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([hang_up], "disconnected without sending a response"),
        ([b"HTTP/1.1 204 No Content\r\nX: " + b"y" * 300_000], "too long"),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], "illegal status line"),
    ],
)
async def test_what_is_no_answer_is_an_error_in_words(answers: list[Any], said: str) -> None:
    async with odd(*answers) as server:
        outcome = await webhooks().send(target(f"{server.url}/"), NOTICE)
        assert not outcome.is_delivered
        assert said in outcome.error
        assert len(outcome.error) <= 200


async def test_an_endless_body_is_not_read() -> None:
    async def pour(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with trio.move_on_after(20):
            while True:
                try:
                    await stream.send_all(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
                except trio.BrokenResourceError:
                    return

    async with odd(pour) as server:
        with trio.fail_after(30):
            assert await webhooks().send(target(f"{server.url}/"), NOTICE) == Outcome(True, 200)


async def test_a_server_that_does_not_answer_is_left_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.rules.webhook.DEADLINE_S", 0.2)
    async with odd(hang) as server:
        with trio.fail_after(30):
            assert (await webhooks().send(target(f"{server.url}/"), NOTICE)).error == "no answer within 0.2 s"


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".example", "x" * 300])
async def test_a_name_that_nobody_has_is_an_error(host: str) -> None:
    outcome = await webhooks().send(target(f"http://{host}/"), NOTICE)
    assert not outcome.is_delivered
    assert outcome.error


async def test_the_certificate_must_say_the_name_although_the_address_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    trust, context = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(trust)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setattr("hub.rules.webhook._trust", lambda: trust)
    receiver = Receiver()
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_ssl_over_tcp_listeners(0, context, host="127.0.0.1")
        port = listeners[0].transport_listener.socket.getsockname()[1]  # type: ignore[attr-defined]

        async def handle(stream: Any) -> None:
            try:
                await receiver.handle(stream)
            except trio.BrokenResourceError:
                await trio.aclose_forcefully(stream)

        nursery.start_soon(trio.serve_listeners, handle, listeners)
        both = webhooks("localhost", "127.0.0.1")
        assert (await both.send(target(f"https://localhost:{port}/"), NOTICE)).is_delivered
        assert "verify failed" in (await both.send(target(f"https://127.0.0.1:{port}/"), NOTICE)).error
        nursery.cancel_scope.cancel()
