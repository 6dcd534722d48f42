"""The 24 families of hostile input against a whole hub, briefly, and every case that ever broke it; a device beside it loses nothing.

`make fuzz` goes on for longer, and keeps what breaks in tests/fuzz/cases. TRIBUTARY_FUZZ_CASES and TRIBUTARY_FUZZ_FIRST make this one
longer, or another one; the seeds are in the failure.
"""

import os
from pathlib import Path

from tests.fuzz.course import CASES, Course
from tests.fuzz.exchange import Exchange
from tests.fuzz.families import FAMILIES, exchange_of
from tests.fuzz.shrinking import shrunk
from tests.fuzz.stage import staged

FIRST = int(os.environ.get("TRIBUTARY_FUZZ_FIRST") or 1)
SEEDS = range(FIRST, FIRST + int(os.environ.get("TRIBUTARY_FUZZ_CASES") or 15))


async def test_nothing_that_is_said_breaks_the_hub_and_what_is_stored_is_what_was_sent(tmp_path: Path) -> None:
    kept = [Exchange.load(path) for path in sorted(CASES.glob("*.json"))]
    async with staged(tmp_path) as stage:
        course = Course(stage)
        findings = await course.batch([*kept, *(exchange_of(family, seed) for family in FAMILIES for seed in SEEDS)])
        told = [f"{each.exchange and (each.exchange.family, each.exchange.seed)}: {each.what}" for each in findings]
        assert not told, "\n".join(told)
    counts = course.counts
    assert counts["in"] == counts["stored"] + counts["rejected"] > 0
    assert counts["parked"] == 0
    assert stage.healthy.acked == stage.healthy.sent > 0


async def test_what_breaks_is_found_and_told_with_its_seed(tmp_path: Path) -> None:
    async with staged(tmp_path, "tests.fuzz.planted") as stage:
        findings = await Course(stage).batch([exchange_of("H13", 1), exchange_of("H1", 1)])
    assert any(each.exchange == exchange_of("H13", 1) and "planted" in each.what for each in findings)


async def test_a_failing_exchange_is_made_small() -> None:
    asked = 0

    async def fails(exchange: Exchange) -> bool:
        nonlocal asked
        asked += 1
        return any(b"\xc1" in step for step in exchange.steps)

    steps = (bytes(200), bytes(50) + b"\xc1" + bytes(150), b"end")
    small = await shrunk(Exchange("H13", 7, steps=steps, is_framed=True), fails)
    assert small.steps == (b"\xc1",)
    assert asked <= 300


def test_a_seed_is_always_the_same_exchange_and_survives_its_file(tmp_path: Path) -> None:
    for family in FAMILIES:
        for seed in range(20):
            exchange = exchange_of(family, seed)
            assert exchange == exchange_of(family, seed)
            assert Exchange.load(exchange.save(tmp_path, "why")) == exchange
