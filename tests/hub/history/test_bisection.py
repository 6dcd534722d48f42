"""A refused batch is halved until the culprits stand alone; everything else is stored."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.wire.messages import Kind
from hub.core.records import Columns, Cursor, Refused, Series
from hub.history.bisection import no_readings, part_of, without_culprits
from hub.ports import StoreRefused
from tests.support.point_store import PointStore

SERIES = [Series("pump", name, "", Kind.GAUGE) for name in "abc"]
BEFORE = Cursor("j", 4)


def columns(count: int) -> Columns:
    index = (np.arange(count) % 3).astype(np.int32)
    return Columns(SERIES, index, np.arange(count, dtype=np.int64), np.arange(count, dtype=np.float64))


async def test_one_of_many_costs_about_two_requests_a_halving() -> None:
    store = PointStore()
    store.is_poison = lambda series, t_ns, value: value == 4_321.0
    assert await without_culprits(store, columns(10_000), BEFORE) == [Refused(4_321, "a poison point")]
    assert store.requests <= 2 * 14 + 2
    assert len(store.points) == 9_999
    assert store.at == BEFORE


@pytest.mark.parametrize("count", [1, 2, 7, 40])
@given(data=st.data())
def test_any_culprits_are_found_and_nothing_else(count: int, data: st.DataObject) -> None:
    import trio

    poison = data.draw(st.sets(st.integers(0, count - 1)))
    never = data.draw(st.sets(st.integers(0, count - 1)))
    store = PointStore()
    store.is_poison = lambda series, t_ns, value: int(value) in poison - never
    store.can_hold = lambda series, t_ns, value: int(value) not in never

    async def search() -> list[Refused]:
        return await without_culprits(store, columns(count), BEFORE)

    assert [each.index for each in trio.run(search)] == sorted(poison | never)
    assert {int(value) for value in store.points.values()} == set(range(count)) - poison - never


async def test_a_part_has_the_series_that_occur_in_it() -> None:
    part = part_of(columns(10), np.array([1, 4]))
    assert part.series == [SERIES[1]]
    assert part.index.tolist() == [0, 0]
    assert part.num.tolist() == [1.0, 4.0]
    assert len(no_readings()) == 0


async def test_a_store_that_refuses_nothing_in_it_stores_all() -> None:
    store = PointStore()
    assert await without_culprits(store, columns(5), BEFORE) == []
    assert len(store.points) == 5
    store.is_poison = lambda series, t_ns, value: True
    with pytest.raises(StoreRefused):
        await store.append(columns(1), BEFORE)
