"""Nodes cut off from Redis while their device moves to another: no command runs twice, and each ends in one way."""

import pytest

from tests.splits.course import run
from tests.support.redis import PROGRAM


@pytest.mark.needs_server(PROGRAM)
async def test_a_node_that_is_cut_off_runs_no_command_of_a_device_that_another_one_took() -> None:
    outcome = await run(6, seed=1)
    assert outcome.complaints == []
    assert outcome.splits == 6
    assert sum(outcome.runs.values()) >= 6
