"""What a benchmark that cannot go on says, however deep in its tasks it stopped."""

import pytest
import trio

from hub.client import HubError
from simulators.bench.course import Say, run_bench, troubles_in
from simulators.bench.errors import BenchError
from simulators.bench.report import BenchRow, row_of
from simulators.hub_process import HubFailed


def say(_: str) -> None:
    pass


async def fail(error: Exception, _: Say) -> list[BenchRow]:
    async with trio.open_nursery() as outer, trio.open_nursery() as nursery:
        outer.start_soon(trio.sleep_forever)
        nursery.start_soon(trio.sleep_forever)
        raise error


async def give_row(name: str, _: Say) -> list[BenchRow]:
    await trio.lowlevel.checkpoint()
    return [row_of(name, "ms", [1.0])]


def test_rows_are_given_back() -> None:
    assert [row.name for row in run_bench(give_row, "delay", say)] == ["delay"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (HubFailed("the hub ended with code 75"), "the hub ended with code 75"),
        (HubError("unreachable", "no hub answers", "start one"), "no hub answers"),
        (BenchError("the sink read nothing", "give --seconds more"), "the sink read nothing"),
    ],
)
def test_what_stopped_it_is_said_in_one_line(error: Exception, said: str) -> None:
    with pytest.raises(BenchError, match=said):
        run_bench(fail, error, say)


def test_defect_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_bench(fail, ZeroDivisionError(), say)


def test_log_is_told_without_everyday_news() -> None:
    log = 'ready http://127.0.0.1:1\n{"event": "device_left", "level": "info"}\n{"event": "session_failed", "level": "error"}\n\n'
    assert troubles_in(log) == ["ready http://127.0.0.1:1", '{"event": "session_failed", "level": "error"}']
