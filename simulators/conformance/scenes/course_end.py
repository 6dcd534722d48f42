"""Scenes of the long run: how a client comes back where there is no hub, the largest message, and all that it made, counted.

Owns these scenarios; scenes/__init__.py lists them in the order of the course, and the count comes last.
"""

from random import Random
from typing import Final

from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes.commands import commanded, ended, expect, full_table, said, send
from simulators.conformance.scenes.keeping import resent
from simulators.conformance.stand import Stand
from simulators.conformance.talk import packed
from simulators.conformance.verdict import Broken

LIVES, TRIES = 3, 3
TRIES_BY_HAND: Final = 8
SLACK_S: Final = 0.5
SPREAD: Final = 0.2  # of nine uniform numbers in 0...1, all lie as close together once in 40,000 runs
MEAN: Final = 0.1  # and have so small a mean once in 30,000
TURNS: Final = 6


async def backoff(stand: Stand) -> str:
    """Cut each connection at once, in several lives, and look at when it comes back."""
    parts = []
    lives = LIVES if stand.child is not None else 1
    for _ in range(lives):
        if stand.child is not None:
            await stand.reboot()
        elif stand.talk is not None:
            stand.talk.cut()
        (await stand.socket()).cut()
        for attempt in range(TRIES if stand.child is not None else TRIES_BY_HAND):
            waited_s = await stand.wait_for_next()
            (await stand.socket()).cut()
            longest_s = min(60.0, 2.0 ** (attempt + 1))  # whether the first wait is attempt 0 or 1
            if waited_s > longest_s + SLACK_S and lives > 1:
                raise Broken(f"expected wait {attempt + 1} to be at most {longest_s:g} s; it was {waited_s:.2f} s")
            parts.append(waited_s / min(60.0, 2.0**attempt))
    text = ", ".join(f"{part:.2f}" for part in parts)
    if max(parts) - min(parts) < SPREAD or sum(parts) / len(parts) < MEAN:
        raise Broken(f"expected waits spread over 0...1 of 2^attempt s (full jitter); they were {text}")
    return f"{len(parts)} waits, as parts of 2^attempt s: {text}"


async def max_message(stand: Stand) -> str:
    """Send the largest command that it says it can take."""
    talk = await commanded(stand)
    limit = talk.hello.max_message_bytes
    frame = {"op": "command", "id": "large-1", "name": "echo", "args": {"text": ""}, "ttl_s": 60.0, "created_us": 1 << 50}
    room = limit - len(packed(frame)) - 2
    if room > 0xFFFF:
        room -= 2
    await send(talk, "large-1", "echo", {"text": "x" * room}, created_us=1 << 50)
    outcome = await ended(stand, talk, "large-1", within_s=10.0)
    expect(outcome, "done", "failed", "rejected")
    await talk.count(3, 5.0, "frames after the largest command")
    return f"a command of {limit:,} bytes: {said(stand, 'large-1')[-1].state.value}"


async def exactly_once(stand: Stand) -> str:
    """Cut and kill it, now and then with its frames unacked; then count all that it ever made."""
    rng = Random(1)
    talk = await stand.ready()
    for turn in range(TURNS):
        talk.is_acking = turn % 3 != 0
        await talk.listen(rng.uniform(0.2, 0.7))
        if turn % 2:
            await stand.reboot()
        else:
            talk.cut()
        talk = await stand.connect()
    await resent(stand, talk, "all that is not acked")
    await talk.count(5, 5.0)
    await talk.ack_all()
    book = stand.book
    missing = book.missing()
    forgiven = book.declared + book.lives - 1  # one value may be written down and not made at each power cut
    if len(missing) > forgiven:
        raise Broken(
            f"expected every value up to {max(book.values)}; {len(missing)} never came, the first is {missing[0]} ({forgiven} are forgiven)"
        )
    counted = f"{len(book.values):,} values over {len(book.epochs)} epochs and {book.lives} lives"
    return f"{counted}, each once; {len(missing)} skipped by power cuts"


SCENES = (
    Scenario("backoff", "9", "comes back after waits of full jitter", backoff),
    Scenario("largest-message", "4", "takes a message of max_message_bytes", max_message),
    Scenario("full-table", "7", "answers rejected, busy when it can keep no more ids, and does not begin these later", full_table),
    Scenario("exactly-once", "3", "brings every reading, and each once", exactly_once),
)
