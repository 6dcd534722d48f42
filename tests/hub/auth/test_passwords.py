"""Passwords: what makes one, and comparing."""

import time
from statistics import median

import pytest
import trio

from hub.auth.passwords import MAX_BYTES, HashCost, Passwords
from hub.core.errors import Refusal


@pytest.fixture
async def passwords() -> Passwords:
    passwords = Passwords()
    await passwords.start()
    return passwords


@pytest.fixture
async def cheap() -> Passwords:
    """For what does not depend on what a hash costs."""
    passwords = Passwords(HashCost(rounds=1, memory_kib=8))
    await passwords.start()
    return passwords


async def test_a_password_is_right_for_its_own_hash_only(passwords: Passwords) -> None:
    one, other = await passwords.hash_of("correct horse"), await passwords.hash_of("correct horse")
    assert one != other  # each has its own salt
    assert one.startswith("$argon2id$")
    assert "correct horse" not in one
    assert await passwords.is_right("correct horse", one)
    assert not await passwords.is_right("correct horsf", one)
    assert not await passwords.is_right("", one)
    assert not await passwords.is_right("correct horse", None)
    assert not await passwords.is_right("correct horse", "no hash at all")


async def test_letters_count_and_not_how_a_keyboard_spells_them(cheap: Passwords) -> None:
    assert await cheap.is_right("grün ist die Farbe", await cheap.hash_of("gru\u0308n ist die Farbe"))
    await cheap.is_right("\ud800" * 10, None)


@pytest.mark.parametrize(("password", "limit"), [("", "10"), ("ninechars", "10"), ("x" * (MAX_BYTES + 1), "1,024"), ("ä" * 600, "1,024")])
async def test_too_short_and_too_long_are_refused_with_the_limit(cheap: Passwords, password: str, limit: str) -> None:
    with pytest.raises(Refusal, match=limit) as refused:
        await cheap.hash_of(password)
    assert refused.value.status == 422
    assert password not in refused.value.message or not password


async def test_a_name_without_a_user_takes_as_long_as_one_with(passwords: Passwords) -> None:
    kept = await passwords.hash_of("correct horse")
    times: dict[str | None, list[float]] = {kept: [], None: []}
    of_the_loop: list[float] = []
    for _ in range(7):
        for password_hash, found in times.items():
            began_s, before_s = time.thread_time(), time.process_time()
            await passwords.is_right("wrong horse", password_hash)
            found.append(time.process_time() - before_s)
            of_the_loop.append(time.thread_time() - began_s)
    mine, nobodys = median(times[kept]), median(times[None])
    assert mine / 2 < nobodys < mine * 2
    assert median(of_the_loop) < mine / 4  # the loop's own thread does none of it


async def test_only_so_many_wait_for_a_thread(cheap: Passwords) -> None:
    refused = []

    async def ask() -> None:
        try:
            await cheap.is_right("wrong horse", None)
        except Refusal as refusal:
            refused.append(refusal.code)

    async with trio.open_nursery() as nursery:
        for _ in range(22):
            nursery.start_soon(ask)
    assert refused == ["busy"] * 4


async def test_logins_by_the_dozen_do_not_hold_the_event_loop(passwords: Passwords) -> None:
    """Hashing is for its own threads: the loop turns many times for each of 18, and not once between two of them."""
    password_hash = await passwords.hash_of("correct horse")
    answers, turns = list[bool](), 0

    async def ask() -> None:
        answers.append(await passwords.is_right("wrong horse", password_hash))

    async with trio.open_nursery() as nursery:
        for _ in range(18):
            nursery.start_soon(ask)
        while len(answers) < 18:
            await trio.lowlevel.checkpoint()
            turns += 1
    assert turns > 18 * 5
