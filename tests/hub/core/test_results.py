"""What devices answered, reported and logged is entered once, and heard once it is entered and not before."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from devices.wire.codec import encode
from devices.wire.messages import CommandState, Log, Outcome, Reported, Result
from hub.core.device_log import LEVELS, DeviceLog
from hub.core.entities import Entities
from hub.core.records import Cursor, Row, RowKind
from hub.core.results import LedgerFollower
from hub.core.shadows import Shadows
from hub.ports import LogLine, StoreUnavailable
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


def row_of(position: int, message: Result | Reported | Log, kind: RowKind) -> Row:
    return Row(position, "pump", 7, position, kind, 2_000_000 + position, encode(message), None)


async def test_results_reports_and_lines_are_entered_once_with_the_cursor_and_what_cannot_be_read_stops_nothing(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        await bench.come()
        record = await bench.create()
        shadows = Shadows(bench.state, bench.registry, bench.entities, lambda: bench.now_us)
        logs = DeviceLog(bench.state)

        def follower(journal: str) -> LedgerFollower:
            return LedgerFollower(bench.desk, shadows, bench.state, lambda: journal, lambda: 9, lambda: bench.now_us)

        ledger = follower("j")
        assert await ledger.start() == 0
        rows = [
            row_of(1, Log(7, 1, "error", 55, "too hot"), RowKind.LOG),
            row_of(2, Reported(7, 2, 4, 0, {"mode": "eco"}), RowKind.REPORTED),
            Row(3, "pump", 7, 3, RowKind.RESULT, 2_000_003, b"\xc1", None),
            row_of(4, Result(7, 4, Outcome(record.id, CommandState.RUNNING, 0.5)), RowKind.RESULT),
            row_of(5, Log(7, 5, "debug", None, "cooling"), RowKind.LOG),
            Row(6, "pump", 7, 6, RowKind.DATA, 2_000_006, b"", None),
        ]
        with capture_logs() as logged:
            await ledger.apply(rows)
        assert [(each["event"], each["position"]) for each in logged if each["log_level"] == "error"] == [("frame_not_readable", 3)]
        assert (await bench.record(record.id)).progress == 0.5
        assert shadows.shadow("pump")["reported"]["document"] == {"mode": "eco"}
        lines, _ = await logs.page("pump", "debug", None, 10)
        said = [(line["arrived_us"], line["at_us"], line["level"], line["text"]) for line in lines]
        assert said == [(2_000_005, None, "debug", "cooling"), (2_000_001, 55, "error", "too hot")]
        assert (await ledger.make_safe(), await follower("j").start(), await follower("another").start()) == (6, 6, 0)
        assert ledger.heard_us() == 2_000_006
        await ledger.apply([Row(8, "pump", 7, 8, RowKind.DATA, 2_000_008, b"", None)])
        assert await follower("j").start() == 6  # nothing was entered, and nothing written
        assert (await ledger.make_safe(), await follower("j").start()) == (8, 8)


async def test_a_page_of_lines_says_where_the_rest_begins_and_has_only_what_is_as_bad(tmp_path: Path) -> None:
    async with bench_on(tmp_path) as bench:
        logs = DeviceLog(bench.state)
        lines = [LogLine("pump", at, None, level, f"line {at}") for at, level in enumerate(LEVELS * 2)]
        await bench.desk.followed([], Cursor("j", 1), [], lines)
        for worst, level in enumerate(LEVELS):
            found, before = list[str](), None
            while before is not None or not found:
                page, before = await logs.page("pump", level, before, 3)
                found += [line["text"] for line in page]
            assert found == [f"line {at}" for at in reversed(range(8)) if at % 4 >= worst]
