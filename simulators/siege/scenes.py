"""The scenes of a siege, each on a hub of its own, and what is promised of each.

Owns what is done and measured; the table is __main__'s.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from devices.wire.limits import CloseCode
from simulators.siege.caller import Caller, Place, Refused, opened
from simulators.siege.stand import Neighbour, attacking, standing

FLOODER, STRANGE = "127.0.0.2", "127.0.0.3"
_JOIN_S: Final = 2.0
_JOINS: Final = 10  # from each address, at least
_CONNECTIONS = "tributary_door_connections"


class Size(NamedTuple):
    """How much of everything."""

    connects: int = 20_000
    drips: int = 2_000
    newcomers: int = 1_000  # where descriptors are few
    viewers: int = 3_000  # at most, where memory is little
    settle_s: float = 20.0


class Row(NamedTuple):
    """A promise, and what was measured."""

    scene: str
    promised: str
    measured: str
    holds: bool


def flood(size: Size, directory: Path) -> Iterator[Row]:
    """Connections from one address, of which a device that is known comes, too."""
    with standing(directory) as stand, Neighbour(stand) as neighbour:
        devices = {f"pump-{at}": stand.add_device(f"pump-{at}") for at in range(20)}
        _join(stand.place, FLOODER, "pump-0", devices["pump-0"])  # known there from now on
        base, joins = stand.figure(_CONNECTIONS), dict[str, list[float]]({FLOODER: [], STRANGE: []})
        with attacking(stand, count=size.connects, sources=[FLOODER]) as attacker:
            rest = itertools.cycle(list(devices.items())[1:])
            while min(map(len, joins.values())) < _JOINS or not attacker.has_tried():
                source = (FLOODER, STRANGE)[sum(map(len, joins.values())) % 2]
                joins[source].append(_join(stand.place, source, *next(rest)))
            said = attacker.said()
            held = stand.figure("tributary_door_strangers")
        back_s = stand.until(lambda: stand.figure(_CONNECTIONS) <= base, size.settle_s)
    yield Row("flood", f"{size.connects:,} connects from one address", f"in {said['seconds']:.1f} s; {held:.0f} are kept", held <= 202)
    for source, where in ((STRANGE, "another address"), (FLOODER, "the same address")):
        worst = max(joins[source])
        yield Row(
            "flood",
            f"a known device from {where} joins within {_JOIN_S:g} s",
            f"{len(joins[source])} times, within {worst * 1e3:.0f} ms",
            worst < _JOIN_S,
        )
    yield from _neighbour("flood", neighbour)
    yield Row("flood", "nothing is left of it", "never" if back_s is None else f"after {back_s:.1f} s", back_s is not None)


def drip(size: Size, directory: Path) -> Iterator[Row]:
    """Heads that come a byte a second, from twenty addresses."""
    sources = [f"127.0.1.{at}" for at in range(1, 21)]
    with standing(directory) as stand, Neighbour(stand) as neighbour:
        base = stand.figure(_CONNECTIONS)
        with attacking(stand, count=size.drips, sources=sources, drips=True) as attacker:
            attacker.said()
            held = stand.figure(_CONNECTIONS) - base
            gone_s = stand.until(lambda: stand.figure(_CONNECTIONS) <= base, 5.0 + size.settle_s)
    measured = "never" if gone_s is None else f"{held:.0f} are cut, the last {gone_s:.1f} s after it came"
    yield Row("drip", f"{size.drips:,} heads of a byte a second are cut at 5 s", measured, gone_s is not None and gone_s < 7.5)
    yield from _neighbour("drip", neighbour)


def shout(size: Size, directory: Path) -> Iterator[Row]:
    """Frames that carry nothing, of a device with a good token."""
    with standing(directory) as stand, Neighbour(stand) as neighbour:
        token = stand.add_device("shouter")
        for frames in ("ping", "fragment", "empty"):
            with attacking(stand, sources=[STRANGE], frames=frames, name="shouter", token=token) as attacker:
                said = attacker.said()
            # An empty message is a bad frame of a device, whatever the rate.
            promised, code = (4005, "4005") if frames == "empty" else (1008, "1008")
            measured = f"{said['code'] or 'reset'} after {said['sent']:,} frames in {said['seconds']:.2f} s"
            yield Row("shout", f"{frames}s as fast as they go are closed with {code}", measured, said["code"] in (promised, 0))
    yield from _neighbour("shout", neighbour)


def descriptors(size: Size, directory: Path) -> Iterator[Row]:
    """A hub with 256 descriptors."""
    with standing(directory, open_files=256) as stand, Neighbour(stand) as neighbour, ExitStack() as stack:
        for at in range(40):
            caller = stack.enter_context(Caller(stand.place, FLOODER, stand.add_device(f"pump-{at}"), f"pump-{at}"))
            caller.hello()
        ended = "tributary_device_connections_ended_total"
        with attacking(stand, count=size.newcomers, sources=[f"127.0.1.{at}" for at in range(1, 21)]) as attacker:
            attacker.said()
            with opened(stand.place, STRANGE) as newcomer:
                newcomer.sendall(b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n")
                answer = newcomer.recv(200).partition(b"\r\n")[0].decode()
        drops = stand.figure(ended)
    yield Row("descriptors", f"41 sessions live while {size.newcomers:,} knock at 256 descriptors", f"{drops:.0f} ended", drops == 0)
    yield Row("descriptors", "a newcomer is answered", answer, answer.startswith("HTTP/1.1 "))
    yield from _neighbour("descriptors", neighbour)


def memory(size: Size, directory: Path) -> Iterator[Row]:
    """A hub that may use 256 MB, and as many viewers of everything as it lets in."""
    bound = 256_000_000
    with (
        standing(directory, memory_max_bytes=str(bound), max_viewers_per_user="100000") as stand,
        Neighbour(stand) as neighbour,
        ExitStack() as stack,
    ):
        admitted, refused = 0, ""
        while admitted < size.viewers and not refused:
            try:
                viewer = stack.enter_context(Caller(stand.place, "127.0.0.1", stand.hub.admin_token))
                viewer.subscribe()
                admitted += 1
            except (Refused, OSError) as error:
                refused = str(error).partition("\r")[0]
        join_s = _join(stand.place, STRANGE, "pump", stand.add_device("pump"))
        level, most = stand.figure("tributary_pressure_level"), stand.resident_bytes()
    measured = f"{admitted:,} came, then: {refused or 'nobody was refused'}; a device joined in {join_s * 1e3:.0f} ms"
    # By the door, or by the session that was let in a moment before.
    is_refused = refused.endswith("503 Service Unavailable") or refused.startswith(f"closed with {CloseCode.NO_ROOM:d}")
    yield Row("memory", "viewers are refused before devices", measured, is_refused == (level >= 2))
    yield Row("memory", "the bound of 256 MB holds", f"{most / 1e6:.0f} MB at most, level {level:.0f}", most < bound)
    yield from _neighbour("memory", neighbour)


SCENES: Final[dict[str, Callable[[Size, Path], Iterator[Row]]]] = {
    "flood": flood,
    "drip": drip,
    "shout": shout,
    "descriptors": descriptors,
    "memory": memory,
}


def _join(place: Place, source: str, name: str, token: str) -> float:
    """Return how long a device takes to be welcomed; it comes again where it is refused, as devices do, but without a pause."""
    began_s = time.perf_counter()
    while True:
        try:
            with Caller(place, source, token, name) as caller:
                caller.hello()
                return time.perf_counter() - began_s
        except (Refused, OSError):
            if time.perf_counter() - began_s > 10 * _JOIN_S:
                return time.perf_counter() - began_s


def _neighbour(scene: str, neighbour: Neighbour) -> Iterator[Row]:
    acks = sorted(neighbour.acks_s)
    if neighbour.error is not None or not acks:
        yield Row(scene, "a device beside it loses nothing", repr(neighbour.error), False)
        return
    measured = f"{len(acks):,} frames, each acked; p50 {acks[len(acks) // 2] * 1e3:.0f} ms, the slowest {acks[-1] * 1e3:.0f} ms"
    yield Row(scene, "a device beside it loses nothing", measured, True)
