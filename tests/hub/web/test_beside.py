"""Requests that another node hands on, at the door: believed with the token of the nodes alone, and counted for whom they speak for."""

import pytest

from tests.support.api_hub import is_refusal
from tests.support.two_doors import SESSION, two_nodes


@pytest.mark.parametrize("said", ["guess https 192.0.2.7", "", "shared", "shared ftp 192.0.2.7"])
async def test_only_a_node_is_believed_of_whom_it_speaks_for(said: str) -> None:
    async with two_nodes() as (_, there), there.client(tributary_handed_on=said) as client:
        answer = await client.get(SESSION)
        assert (answer.status_code, answer.json()["code"]) == (503, "busy")
        assert there.asked == 0


async def test_nobody_is_believed_before_the_token_is_known() -> None:
    async with two_nodes() as (here, there), here.client() as client:
        here.token = there.token = ""
        assert (await client.get(SESSION)).status_code == 503


async def test_what_a_node_hands_on_is_bounded_by_its_clients_addresses_and_not_by_that_of_the_node() -> None:
    async with two_nodes(exempt_addresses=(), max_requests_per_s=1) as (here, there):
        async with here.client() as client:
            for number in range(15):
                answer = await client.get(SESSION, headers={"X-Forwarded-For": f"192.0.2.{number}"})
                assert answer.json()["client"] == f"192.0.2.{number}"
            codes = [(await client.get(SESSION, headers={"X-Forwarded-For": "192.0.2.99"})).status_code for _ in range(15)]
            assert codes.count(207) >= 10
            assert codes[-1] == 429
        async with there.client() as client:
            answers = [await client.get(SESSION) for _ in range(15)]
            assert answers[-1].status_code == 429
            is_refusal(answers[-1], 429, "too_many_requests")
