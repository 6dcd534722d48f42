"""What is near is the same for a store with fewer digits; another value, another time and a stranger are not."""

import pytest

from devices.wire.messages import Kind
from hub.backup.nearness import is_near
from hub.core.records import Cursor, Series
from tests.support.readable_points import ReadablePoints, columns

TEMP = Series("pump", "temp", "Cel", Kind.GAUGE)
MS = 1_000_000
POINTS = [(0, n * MS + 123, n / 7 - 20) for n in range(200)]


async def stores(there: list[tuple[int, int, float]]) -> tuple[ReadablePoints, ReadablePoints]:
    source, target = ReadablePoints(), ReadablePoints(resolution_ns=MS)
    await source.append(columns([TEMP], [*POINTS, (0, 50 * MS + 500, 99.0)]), Cursor("j", 1))
    await target.append(columns([TEMP], there), Cursor("j", 1))
    return source, target


async def test_a_thirteenth_digit_makes_no_difference() -> None:
    source, target = await stores([(at, t_ns, float(f"{value:.12e}")) for at, t_ns, value in POINTS])
    assert await is_near(source, target, TEMP, 0)


@pytest.mark.parametrize("wrong", [(0, 50 * MS, 99.0), (0, 50 * MS, 50 / 7 - 20 + 1e-8), (0, 1_000 * MS, 1.0), (0, -5 * MS, 1.0)])
async def test_one_that_is_off_is_found(wrong: tuple[int, int, float]) -> None:
    kept = [point for point in POINTS if point[1] // MS != wrong[1] // MS]
    source, target = await stores([*kept, wrong])
    assert not await is_near(source, target, TEMP, -(10**12))


async def test_nothing_is_near_to_nothing() -> None:
    source, target = await stores([])
    assert await is_near(source, target, TEMP, 0)
