"""What a bad network does, as far as it is the same for bytes and for messages: refuse, delay, jitter, throttle, stall, fall silent.

Owns the state of these faults and when something on its way is due; who carries it (proxy.py, links.py) asks. They may be set at any
time, before anything is connected too, and add up: a slow network can also be refused.
"""

import math
from random import Random

import trio


class Network:
    """The faults of one way between devices and a hub. Chance comes from `seed`: the same traffic meets the same jitter."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = Random(seed)
        self.is_refusing = False
        self.is_silent = False
        self.delay_s = 0.0
        self.jitter_s = 0.0
        self.bytes_per_s = math.inf
        self._flows = trio.Event()
        self._flows.set()

    @property
    def is_stalled(self) -> bool:
        """Tell whether everything is held."""
        return not self._flows.is_set()

    def refuse(self) -> None:
        """Let no new connection in; those there are stay."""
        self.is_refusing = True

    def delay(self, delay_s: float, jitter_s: float = 0.0) -> None:
        """Deliver what comes from now on so much later, and up to `jitter_s` more, in order."""
        self.delay_s, self.jitter_s = delay_s, jitter_s

    def throttle(self, bytes_per_s: float) -> None:
        """Pass so many bytes a second in each direction of each connection."""
        self.bytes_per_s = bytes_per_s

    def stall(self) -> None:
        """Hold everything, in both directions, and deliver it all in order once it heals."""
        if self._flows.is_set():
            self._flows = trio.Event()

    def half_open(self) -> None:
        """Swallow everything in both directions and tell nobody, as a pulled cable does.

        A connection that lost something this way stays silent for good; new ones connect to silence.
        """
        self.is_silent = True

    def heal(self) -> None:
        """Take every fault back. Connections that lost something to silence stay so until somebody gives up on them."""
        self.is_refusing = self.is_silent = False
        self.delay_s = self.jitter_s = 0.0
        self.bytes_per_s = math.inf
        self._flows.set()

    def due(self) -> float:
        """Return when what comes now is to be delivered, in trio's time; whoever carries it keeps the order."""
        return trio.current_time() + self.delay_s + (self.rng.uniform(0.0, self.jitter_s) if self.jitter_s else 0.0)

    async def passes(self, due: float) -> None:
        """Return when something may go on: it is due, and nothing is stalled."""
        if due > trio.current_time():  # a deadline costs as much as all else that is done with a chunk
            await trio.sleep_until(due)
        while not self._flows.is_set():
            await self._flows.wait()
