"""A token that one node withdraws ends its device's connection to another, and no node takes it any more."""

from pathlib import Path

import pytest

from tests.gate.revocations import PROMISED_S, run
from tests.support import redis, victoria


@pytest.mark.needs_server(redis.PROGRAM)
@pytest.mark.needs_server(victoria.PROGRAM)
async def test_a_revoked_token_is_dead_on_all_nodes(tmp_path: Path) -> None:
    times = await run(2, tmp_path)
    assert len(times) == 2
    assert max(max(each) for each in times) < PROMISED_S
