"""Viewers of one subscription in one process: they count updates and say what they have drawn, as a page does, and stay cheap.

Of three habits: quick ones read at once; a slow one reads a few hundred bytes a second; dead ones never read. With `is_timed` each
update is decoded and the age of every reading in it noted, by the time stamp that the device put in. A program (answering.py): `begin`,
`end`, `finish` (the slow one reads on until it has found the spike, or for long enough), `quit`.
"""

import select
import time
from typing import Any

from devices.wire.limits import SUBPROTOCOL_LIVE_JSON
from simulators.bench.answering import heard, run_program, say
from simulators.bench.frames import upgrade_request
from simulators.bench.watching import ViewerConnection, quantiles_s

BATCH = 50  # connections opened side by side
DRAWN_LOOK_S = 0.05
SLOW_EVERY_S, SLOW_BYTES = 0.5, 256
TIGHT_BUFFER_BYTES = 4_096  # so that a viewer that does not read is felt by the hub
FINISH_S = 45.0  # a viewer that is far behind is sent something every 30 s


class Viewers:
    """All viewers; counts since `begin`."""

    def __init__(self, plan: dict[str, Any]) -> None:
        self.plan = plan
        self.quick = self._open(plan["quick"])
        self.slow = self._open(plan.get("slow", 0), TIGHT_BUFFER_BYTES)
        self.dead = self._open(plan.get("dead", 0), TIGHT_BUFFER_BYTES, is_dead=True)
        self.by_descriptor = {each.socket.fileno(): each for each in self.quick}
        self.poll = select.epoll()
        for descriptor in (0, *self.by_descriptor):
            self.poll.register(descriptor, select.EPOLLIN)
        self._begin()

    def _open(self, count: int, buffer_bytes: int = 0, *, is_dead: bool = False) -> list[ViewerConnection]:
        plan, opened = self.plan, list[ViewerConnection]()
        address = (plan["host"], plan["port"])
        while len(opened) < count:
            batch = [ViewerConnection(address, plan, buffer_bytes) for _ in range(min(BATCH, count - len(opened)))]
            for viewer in batch:
                viewer.write(upgrade_request(*address, "/v1/live", SUBPROTOCOL_LIVE_JSON, plan["token"]))
            for viewer in batch:
                viewer.read_head()
                viewer.subscribe()
            for viewer in batch:
                if plan["is_hub"] and not is_dead:
                    viewer.read_snapshot()
                viewer.socket.setblocking(False)
            opened += batch
        return opened

    def _begin(self) -> None:
        for viewer in self.quick:
            viewer.begin()
        self.cpu_s, self.began_s = time.process_time(), time.monotonic()

    def run(self) -> None:
        """Watch until `quit`."""
        slow_due_s = drawn_due_s = time.monotonic()
        undrawn: set[ViewerConnection] = set()
        while True:
            for descriptor, _ in self.poll.poll(DRAWN_LOOK_S):
                if descriptor != 0:
                    viewer = self.by_descriptor[descriptor]
                    viewer.hear()
                    undrawn.add(viewer)
                elif self._obey(heard()):
                    return
            if (now := time.monotonic()) >= drawn_due_s:  # also what no later message would bring about
                drawn_due_s = now + DRAWN_LOOK_S
                undrawn = {viewer for viewer in undrawn if not viewer.say_drawn()}
            if now >= slow_due_s:
                slow_due_s = now + SLOW_EVERY_S
                for viewer in self.slow:
                    viewer.hear(SLOW_BYTES)

    def _obey(self, command: str) -> bool:
        """Answer a command; True: stop."""
        if command == "begin":
            self._begin()
        report = self.report()
        if command == "finish":
            report |= {"slow_behind_updates": [each.updates for each in self.slow], "spike_found": self._finish()}
        say(report)
        return command == "quit"

    def _finish(self) -> bool:
        """Let the slow viewers read on; tell whether all of them have the spike."""
        deadline_s = time.monotonic() + FINISH_S
        while not all(each.has_spike for each in self.slow) and time.monotonic() < deadline_s:
            for viewer in self.slow:
                select.select([viewer.socket], [], [], 0.1)
                viewer.hear()
        return all(each.has_spike for each in self.slow)

    def report(self) -> dict[str, Any]:
        """Return the counts since `begin`, times in seconds."""
        elapsed_s = max(time.monotonic() - self.began_s, 1e-9)
        deliveries = sum(each.updates for each in self.quick)
        p50_s, p99_s = quantiles_s([age for each in self.quick for age in each.ages_s])
        return {
            "deliveries": deliveries,
            "mean_bytes": sum(each.update_bytes for each in self.quick) / max(deliveries, 1),
            "fewest": min((each.updates for each in self.quick), default=0),
            "samples": sum(len(each.ages_s) for each in self.quick),
            "p50_s": p50_s,
            "p99_s": p99_s,
            "cpu_share": (time.process_time() - self.cpu_s) / elapsed_s,
        }


def run(plan: dict[str, Any]) -> None:
    """Open everything, say so, watch."""
    viewers = Viewers(plan)
    say({"open": len(viewers.quick) + len(viewers.slow) + len(viewers.dead)})
    viewers.run()


if __name__ == "__main__":
    run_program(run)
