"""Stopping from the inside out."""

import pytest
import trio

from hub.layers import Run, first_of, layer


def part(name: str, said: list[str]) -> Run:
    async def run(*, task_status: trio.TaskStatus[None]) -> None:
        said.append(f"{name} runs")
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.CancelScope(shield=True):
                await trio.lowlevel.checkpoint()
            said.append(f"{name} ended")

    return run


async def test_cancelling_reaches_the_block_first_and_the_outermost_layer_last() -> None:
    said: list[str] = []
    with trio.CancelScope() as scope:
        async with layer(part("journal", said)), layer(part("followers", said)):
            try:
                scope.cancel()
                await trio.sleep_forever()
            finally:
                with trio.CancelScope(shield=True):
                    await trio.lowlevel.checkpoint()
                said.append("sessions ended")
    assert said == ["journal runs", "followers runs", "sessions ended", "followers ended", "journal ended"]


async def test_a_part_that_fails_ends_the_block_and_is_told() -> None:
    said: list[str] = []
    fail = trio.Event()

    async def failing(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await fail.wait()
        raise OSError("the disk is gone")

    async def block() -> None:
        async with layer(failing, part("neighbour", said)):
            fail.set()
            await trio.sleep_forever()

    with pytest.raises(ExceptionGroup) as caught:
        await block()
    assert caught.value.subgroup(OSError)
    assert said == ["neighbour runs", "neighbour ended"]


async def test_a_part_that_cannot_start_leaves_nothing_running() -> None:
    said: list[str] = []

    async def refusing(*, task_status: trio.TaskStatus[None]) -> None:
        raise OSError("no such file")

    async def block() -> None:
        async with layer(part("first", said), refusing):
            said.append("block")

    with pytest.raises(ExceptionGroup):
        await block()
    assert said == ["first runs", "first ended"]


def test_what_went_wrong_first_is_found_in_groups_in_groups() -> None:
    group = ExceptionGroup("out", [ExceptionGroup("in", [OSError("first"), OSError("second")]), OSError("third")])
    assert str(first_of(group)) == "first"
