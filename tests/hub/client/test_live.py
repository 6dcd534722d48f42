"""A viewer's connection to what is no hub: an error with what to do, and no other one."""

import httpx
import pytest
import trio

from hub.client.errors import HubError
from hub.client.live import open_live
from tests.support.odd_server import OddServer

DEADLINE_S = 20.0


@pytest.mark.parametrize(
    "answer", [b"220 mail.example.com ESMTP\r\n\r\n", b"HTTP/1.1 101 Switching Protocols\r\n\r\n"], ids=["mail", "bare"]
)
async def test_an_answer_that_is_not_of_a_hub_says_so(answer: bytes) -> None:
    async with trio.open_nursery() as nursery, httpx.AsyncClient() as http:
        listeners = await nursery.start(trio.serve_tcp, OddServer([answer]).handle, 0)
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        with pytest.raises(HubError, match="as no hub does") as failure, trio.fail_after(DEADLINE_S):
            async with open_live(url, "token", None, http, "websocket"):
                pytest.fail("it opened")
        assert (failure.value.code, failure.value.hint) == ("bad_answer", "is this address a Tributary hub?")
        nursery.cancel_scope.cancel()
