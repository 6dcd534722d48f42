"""What is done to a cluster under load, one thing after another, and what must hold of each: a table of rows.

Owns the order of faults, drawn from the seed, and what they are measured by. The audit of the load comes after it (__main__.py).
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

import trio

from hub.client import HubError
from simulators.cluster.looking import Screen, Since
from simulators.cluster.stand import NAMES, Idle, Stand
from simulators.fleet.figures import Figures
from simulators.hub_process import HubFailed
from simulators.redis_process import RedisFailed

ELSEWHERE_S: Final = 20.0  # from a killed node to every one of its devices streaming elsewhere
RESUME_S: Final = 5.0  # of a viewer whose node is restarted
SETTLE_S: Final = 60.0
TELL_S: Final = 1.5  # workers tell their figures once a second
LOOK_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done, and to how many."""

    seed: int
    devices: int = 64
    rate: float = 2.0  # frames a second of each
    viewers: int = 6  # each of all devices
    commands: float = 5.0  # a second
    calm_s: float = 20.0
    kills: int = 3
    redis_s: float = 15.0
    flap_s: float = 300.0
    rolls: int = 2


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    what: str
    measured: str
    is_good: bool = True


class Acts:
    """The acts on one load; `rows` grows."""

    def __init__(self, stand: Stand, plan: Plan, figures: Figures, say: Callable[[str], None]) -> None:
        self.rows: list[Row] = []
        self._stand = stand
        self._plan = plan
        self._figures = figures
        self._say = say
        self._dice = Random(plan.seed)
        self._killed: list[str] = []  # nodes, once each before one comes again
        self._screens = {name: Screen(stand, name) for name in NAMES}

    async def run(self, acts: Sequence[str], enough: trio.Event) -> None:
        """Wait for the load, then play the acts by their names; then nothing more is to be made."""
        async with trio.open_nursery() as nursery:
            for screen in self._screens.values():
                nursery.start_soon(screen.run)
            try:
                await self._until(lambda: self._figures.stage == "running", SETTLE_S, "the load did not begin")
                for act in acts:
                    await getattr(self, act)()
            except (TimeoutError, trio.TooSlowError, HubError, HubFailed, RedisFailed) as error:
                self._row("the cluster", str(error) or type(error).__name__, is_good=False)
            enough.set()
            nursery.cancel_scope.cancel()

    def _row(self, what: str, measured: str, *, is_good: bool = True) -> None:
        self.rows.append(Row(what, measured, is_good))
        self._say(f"{what}: {measured}{'' if is_good else '  <- NOT AS PROMISED'}")

    async def calm(self) -> None:
        """Let everybody be, and see that all nodes have some of them."""
        await trio.sleep(TELL_S)
        idle, since = Idle(), Since(self._figures)
        await trio.sleep(self._plan.calm_s)
        acked, share, plan = since.acked(), idle.share(), self._plan
        holding = {name: (devices, viewers - 1) for name, (devices, viewers) in (await self._stand.holding()).items()}  # our own screen
        spread = ", ".join(f"{name} {devices} devices and {viewers} viewers" for name, (devices, viewers) in holding.items())
        are_spread = all(devices for devices, _ in holding.values()) and sum(viewers > 0 for _, viewers in holding.values()) > 1
        self._row("spread by HAProxy", spread, is_good=are_spread)
        due = f"{plan.devices} devices x {plan.rate:g} frames/s, {plan.viewers} viewers of all of them, {plan.commands:g} commands/s"
        acks = f"{sum(acked) / max(1, len(acked)):.0f} frames/s acked, slowest ack {since.slowest_ms():.0f} ms"
        self._row("load", f"{due}: {acks}, {share:.0%} of the CPU idle")

    async def kills(self) -> None:
        """Kill a node, let its devices go elsewhere, and start it again; over again."""
        for _ in range(self._plan.kills):
            victim = await self._kill()
            began_s = trio.current_time()
            await trio.to_thread.run_sync(self._stand.nodes[victim].start)
            await self._at_rest()
            self._row(f"node {victim} back", f"{trio.current_time() - began_s:.1f} s until nobody names it and all it had is stored")

    async def kill_for_good(self) -> None:
        """Kill a node that does not come back."""
        await self._kill()

    async def _kill(self) -> str:
        holding = await self._stand.holding()
        victim = max(holding, key=lambda name: (-self._killed.count(name), holding[name]))
        self._killed.append(victim)
        count, since = holding[victim][0], Since(self._figures)
        await trio.to_thread.run_sync(self._stand.nodes[victim].kill)
        began_s = trio.current_time()
        others = [screen for name, screen in self._screens.items() if name != victim and self._stand.nodes[name].is_running()]
        await self._until(lambda: all(victim in screen.stale for screen in others), SETTLE_S, f"not every page says that {victim} is away")
        named_s = trio.current_time() - began_s
        await self._until(lambda: since.devices >= count, SETTLE_S, f"not all of {count} devices stream elsewhere")
        await self._connected()
        stream = f"its {count} devices stream elsewhere, the last one {since.device_s:.1f} s after it (limit {ELSEWHERE_S:g})"
        self._row(f"node {victim} killed", stream, is_good=since.device_s < ELSEWHERE_S)
        seen = f"{since.viewers} viewers go on elsewhere within {since.viewer_s:.1f} s; pages name it stale after {named_s:.1f} s"
        self._row(f"node {victim} killed", seen)
        return victim

    async def redis_killed(self) -> None:
        """Kill Redis, leave it away for a while, start it again."""
        since, began_s = Since(self._figures), trio.current_time()
        await trio.to_thread.run_sync(self._stand.redis.kill)
        await self._until_all(self._is_stale, "a node does not say that it knows the others no longer")
        stale_s = trio.current_time() - began_s
        await trio.sleep(max(TELL_S, self._plan.redis_s - stale_s))
        self._served("Redis away", since)
        await trio.to_thread.run_sync(self._stand.redis.start)
        began_s = trio.current_time()
        await self._at_rest()
        back_s = trio.current_time() - began_s
        self._row("Redis away", f"others are said to be stale after {stale_s:.1f} s; all is sure again {back_s:.1f} s after its return")

    async def flapping(self) -> None:
        """Kill and start Redis over and over."""
        since, times, end_s = Since(self._figures), 0, trio.current_time() + self._plan.flap_s
        while trio.current_time() < end_s:
            await trio.to_thread.run_sync(self._stand.redis.kill)
            await trio.sleep(self._dice.uniform(0.1, 3.0))
            await trio.to_thread.run_sync(self._stand.redis.start)
            await trio.sleep(self._dice.uniform(0.1, 3.0))
            times += 1
        self._served(f"Redis killed {times} times in {self._plan.flap_s:g} s", since)
        began_s = trio.current_time()
        await self._at_rest()
        self._row("Redis flapping", f"all is sure again {trio.current_time() - began_s:.1f} s after its last return")

    def _served(self, what: str, since: Since) -> None:
        """Say how acks went on meanwhile."""
        acked = since.acked()
        least, mean = min(acked, default=0), sum(acked) / max(1, len(acked))
        lost = f"{since.devices} devices and {since.viewers} viewers lost their connection"
        said = f"acks go on: {mean:.0f} frames/s, {least} in the least second, slowest {since.slowest_ms():.0f} ms; {lost}"
        self._row(what, said, is_good=mean > self._plan.devices * self._plan.rate / 2)

    async def rolling(self) -> None:
        """Stop and start each node, one after the other."""
        since, codes, began_s = Since(self._figures), list[int](), trio.current_time()
        for node in list(self._stand.nodes.values()) * self._plan.rolls:
            codes.append(await trio.to_thread.run_sync(node.stop))
            await trio.to_thread.run_sync(node.start)
            await self._stand.all_up()
        took_s = trio.current_time() - began_s
        await self._connected()
        await self._at_rest()
        self._row("rolling restart", f"{len(codes)} restarts in {took_s:.0f} s, exit codes {sorted(set(codes))}", is_good=not any(codes))
        viewers = f"{since.viewers} times a viewer came back by itself, the slowest after {since.viewer_s:.1f} s (limit {RESUME_S:g})"
        self._row("rolling restart", viewers, is_good=since.viewer_s < RESUME_S)
        self._row("rolling restart", f"{since.devices} times a device came back, the slowest streams after {since.device_s:.1f} s")

    async def _connected(self) -> None:
        """Return once everybody is connected, by what workers tell from now on."""
        figures, plan, ticks = self._figures, self._plan, len(self._figures.ticks) + 2

        def is_whole() -> bool:
            return len(figures.ticks) >= ticks and (figures.now("connected"), figures.now("viewers")) == (plan.devices, plan.viewers)

        await self._until(is_whole, SETTLE_S, "not everybody is connected")

    async def _at_rest(self) -> None:
        """Return once no node that runs is unsure of another one, no page names any, and the store has what they have now."""
        positions = {name: (await self._figures_of(name))["position"] for name, node in self._stand.nodes.items() if node.is_running()}

        async def has_stored(name: str) -> bool:
            return bool((await self._figures_of(name))["stored"] >= positions[name])

        await self._until_all(self._is_sure, "a node is unsure of the others")
        running = [self._screens[name] for name, node in self._stand.nodes.items() if node.is_running()]
        await self._until(lambda: all(screen.system and not screen.stale for screen in running), SETTLE_S, "a page names stale nodes")
        await self._until_all(has_stored, "a node has frames that are not stored")

    async def _is_stale(self, name: str) -> bool:
        return (await self._stand.known(name))["stale"] is not None

    async def _is_sure(self, name: str) -> bool:
        known = await self._stand.known(name)
        return known["stale"] is None and all(node["alive"] for node in known["nodes"])

    async def _figures_of(self, name: str) -> dict[str, Any]:
        figures: dict[str, Any] = (await self._stand.known(name))["nodes"][0]["figures"]
        return figures

    async def _until_all(self, holds: Callable[[str], Awaitable[bool]], otherwise: str) -> None:
        """Wait for something to be so of every node that runs."""
        with trio.move_on_after(SETTLE_S):
            for name in [name for name, node in self._stand.nodes.items() if node.is_running()]:
                while not await holds(name):  # noqa: ASYNC110
                    await trio.sleep(LOOK_S)  # another process's state
            return
        raise TimeoutError(f"{otherwise} (after {SETTLE_S:g} s)")

    async def _until(self, holds: Callable[[], bool], timeout_s: float, otherwise: str) -> None:
        with trio.move_on_after(timeout_s):
            while not holds():  # noqa: ASYNC110
                await trio.sleep(LOOK_S)  # another process's state
            return
        raise TimeoutError(f"{otherwise} (after {timeout_s:g} s)")
