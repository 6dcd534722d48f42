"""What devices answered is heard once it is entered, and not before: how far the ledger is."""

from pathlib import Path

import pytest

from devices.wire.codec import encode
from devices.wire.messages import CommandState, Outcome, Result
from hub.core.entities import Entities
from hub.core.records import Row, RowKind
from hub.core.results import LedgerFollower
from hub.core.shadows import Shadows
from hub.ports import StoreUnavailable
from tests.hub.core.test_commands import bench_on


async def test_what_devices_said_is_heard_up_to_what_is_entered_and_up_to_now_where_nothing_waits(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        shadows, last = Shadows(bench.state, bench.registry, Entities(), lambda: bench.now_us), 0
        ledger = LedgerFollower(bench.desk, shadows, bench.state, lambda: "j", lambda: last, lambda: bench.now_us)
        assert await ledger.start() == 0
        assert ledger.heard_us() == bench.now_us
        last = 3
        rows = [Row(at, "pump", 7, at, RowKind.DATA, 500 + at, b"", None) for at in (1, 2)]
        await ledger.apply(rows)
        assert ledger.heard_us() == 502
        said = encode(Result(7, 3, Outcome(record.id, CommandState.DONE)))
        answer = [Row(3, "pump", 7, 3, RowKind.RESULT, 900, said, None)]
        await bench.state.aclose()
        with pytest.raises(StoreUnavailable):
            await ledger.apply(answer)
        assert ledger.heard_us() == 502
        await bench.state.start()
        await ledger.apply(answer)
        assert ledger.heard_us() == bench.now_us
        assert (await bench.record(record.id)).state == "done"
