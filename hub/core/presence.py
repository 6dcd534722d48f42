"""How each device is: online, silent, sleeping, offline, or unconfirmed after a start of the hub (docs/protocol.md section 11).

Owns the states and when time alone changes them. Time here is that in which the hub ran and heard devices, given by `look`: while it could
not hear anybody, nobody was silent. No clock, no sockets. The registry keeps it; device sessions write the pulses.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from devices.wire.limits import HEARTBEAT_S, MISSED_HEARTBEATS, CloseCode
from devices.wire.messages import Hello

LOOK_S: Final = 0.5  # how late time alone changes a state
SILENT_INTERVALS: Final = 2.0
MIN_SILENT_S: Final = 5.0  # one lost TCP segment alone delays a frame by a second
SLEEP_GRACE_S: Final = 30.0  # to wake, find the network and shake hands
SLEEP_DRIFT: Final = 0.05  # of the plan: what a clock that sleeps goes wrong
RETURN_S: Final = 65.0  # the longest pause between two attempts to connect (protocol section 9), and some to do it in
FLAPPING_TIMES: Final = 5  # so many comings
FLAPPING_S: Final = 300.0  # within so long
_LATE_S: Final = 0.5  # a look that comes later than this was not let run, and nor was who reads sockets
_LOST_US: Final = int((MISSED_HEARTBEATS + 1) * HEARTBEAT_S * 1e6)
_MAY_SLEEP: Final = (CloseCode.NORMAL, CloseCode.HEARTBEAT_LOST)  # ends that the device chose, or that an end of its power looks like


class Pulse:
    """The signs of life of one connection; its session writes them at each frame, so they are plain attributes."""

    __slots__ = ("frames", "heard_s", "heard_us", "is_held")

    def __init__(self, is_held: Callable[[], bool] = lambda: False) -> None:
        self.frames = 0
        self.heard_s = 0.0  # in lived time
        self.heard_us = 0  # wall clock
        self.is_held = is_held  # whether the device waits for credit: then its silence is the hub's


class LivedTime:
    """Seconds in which this hub ran and read sockets."""

    __slots__ = ("now_s",)

    def __init__(self) -> None:
        self.now_s = 0.0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a device declared of its silence."""

    interval_s: float
    sleep_s: float

    def silent_s(self) -> float:
        return max(SILENT_INTERVALS * self.interval_s, MIN_SILENT_S)

    def asleep_s(self) -> float:
        return self.sleep_s * (1 + SLEEP_DRIFT) + SLEEP_GRACE_S if self.sleep_s else 0.0

    def expected_s(self) -> float:
        return max(self.interval_s, self.asleep_s())


_UNTOLD: Final = _Plan(0.0, 0.0)


def expected_s(description: Mapping[str, Any]) -> float:
    """Return in how long a device that is well says something, by what it declared."""
    return _Plan(description.get("interval_s") or 0.0, description.get("sleep_s") or 0.0).expected_s()


class Presence:
    """How all devices are; a device that is not known here is offline."""

    def __init__(self, return_s: float = RETURN_S) -> None:
        self.lived = LivedTime()
        self._return_s = return_s
        self._state: dict[str, str] = {}
        self._due_s: dict[str, float] = {}  # when time alone may change the state
        self._plans: dict[str, _Plan] = {}
        self._pulses: dict[str, Pulse] = {}  # of who is connected
        self._silent_at: dict[str, int] = {}  # frames when it fell silent
        self._facts: dict[str, dict[str, int]] = {}
        self._comings_s: dict[str, tuple[float, ...]] = {}  # the newest FLAPPING_TIMES
        self._flapping: set[str] = set()
        self._held_s = 0.0  # when devices were last not allowed to send

    def was_seen(self, name: str, description: Mapping[str, Any]) -> None:
        """Suppose that a device which was seen before this start comes back."""
        self._plans[name] = _Plan(description.get("interval_s") or 0.0, description.get("sleep_s") or 0.0)
        self._suppose(name)

    def came(self, hello: Hello, pulse: Pulse, now_us: int) -> None:
        """Note a welcomed device."""
        name, plan = hello.device, _Plan(hello.interval_s or 0.0, hello.sleep_s or 0.0)
        self._plans[name], self._pulses[name] = plan, pulse
        pulse.heard_s, pulse.heard_us = self.lived.now_s, now_us
        self._state[name] = "online"
        self._silent_at.pop(name, None)
        self._due_s.pop(name, None)
        if plan.interval_s:
            self._due_s[name] = self.lived.now_s + plan.silent_s()
        self._facts[name] = {"connected_us": now_us}
        if hello.clock_us is not None:
            self._facts[name]["clock_offset_us"] = hello.clock_us - now_us
        self._comings_s[name] = (*self._comings_s.get(name, ())[1 - FLAPPING_TIMES :], self.lived.now_s)
        if self._comes_often(name):
            self._flapping.add(name)

    def left(self, name: str, code: int, now_us: int) -> int:
        """Note that the device's connection is gone; return when it was last heard of, in µs."""
        pulse, plan = self._pulses.pop(name, None), self._plans.get(name, _UNTOLD)
        if pulse is None:
            return now_us
        for known in (self._state, self._due_s, self._silent_at):
            known.pop(name, None)
        self._facts.get(name, {}).pop("connected_us", None)
        # The newest ping that was answered was so up to three periods ago.
        heard_us = max(pulse.heard_us, now_us - _LOST_US) if code == CloseCode.HEARTBEAT_LOST else now_us
        if code == CloseCode.RESTART:  # the hub's end, not the device's
            self._suppose(name)
        elif plan.sleep_s and code in _MAY_SLEEP:
            ago_s = self.lived.now_s - pulse.heard_s if code == CloseCode.HEARTBEAT_LOST else 0.0
            self._state[name] = "sleeping"
            self._due_s[name] = self.lived.now_s + LOOK_S + plan.asleep_s() - ago_s
            self._facts.setdefault(name, {})["expected_us"] = heard_us + int(plan.sleep_s * 1_000_000)
        return heard_us

    def forget(self, name: str) -> None:
        """Know nothing of a removed device; its connection, which ends, is still one."""
        if name not in self._pulses:
            self._state.pop(name, None)
        for known in (self._due_s, self._silent_at, self._plans, self._facts, self._comings_s):
            known.pop(name, None)
        self._flapping.discard(name)

    def look(self, passed_s: float, *, may_hear: bool = True, may_send: bool = True) -> list[str]:
        """Let time go by since the last look; return whose state this changes.

        `may_hear`: sockets are read; `may_send`: devices have credit. A look that comes late judges nobody: what was said meanwhile waits
        in the sockets still, and is read before the next one.
        """
        is_late = passed_s > LOOK_S + _LATE_S
        self.lived.now_s += (LOOK_S if is_late else passed_s) if may_hear else 0.0
        now_s = self.lived.now_s
        if not may_send:
            self._held_s = now_s
        changed = [name for name, frames in self._silent_at.items() if self._pulses[name].frames != frames]
        for name in changed:
            del self._silent_at[name]
            self._state[name] = "online"
            self._due_s[name] = now_s + self._plans[name].silent_s()
        calm = [name for name in self._flapping if not self._comes_often(name)]
        self._flapping.difference_update(calm)
        changed += calm
        if is_late or not may_hear:
            return changed
        due = [name for name, due_s in self._due_s.items() if due_s <= now_s]
        return changed + [name for name in due if self._is_over(name, now_s)]

    def _is_over(self, name: str, now_s: float) -> bool:
        """Tell whether the state of a device, whose time may be over, has changed."""
        pulse = self._pulses.get(name)
        if pulse is None:
            self._offline(name)
            return True
        # Lived time goes on at each look: what is heard at 3.0 may have come just before the next one.
        heard_s = now_s if pulse.is_held() else max(pulse.heard_s + LOOK_S, self._held_s)
        if (due_s := heard_s + self._plans[name].silent_s()) > now_s:
            self._due_s[name] = due_s
            return False
        del self._due_s[name]
        self._state[name] = "silent"
        self._silent_at[name] = pulse.frames
        return True

    def _comes_often(self, name: str) -> bool:
        comings_s = self._comings_s[name]
        return len(comings_s) == FLAPPING_TIMES and self.lived.now_s - comings_s[0] <= FLAPPING_S

    def _suppose(self, name: str) -> None:
        self._state[name] = "unconfirmed"
        self._due_s[name] = self.lived.now_s + self._return_s + self._plans.get(name, _UNTOLD).expected_s()

    def _offline(self, name: str) -> None:
        self._state.pop(name, None)
        self._due_s.pop(name, None)
        self._facts.get(name, {}).pop("expected_us", None)

    def connected(self) -> list[str]:
        """Return the devices that have a connection that was welcomed."""
        return list(self._pulses)

    def is_connected(self, name: str) -> bool:
        """Tell whether the device has a connection that was welcomed."""
        return name in self._pulses

    def is_flapping(self, name: str) -> bool:
        """Tell whether the device came FLAPPING_TIMES or more in the last FLAPPING_S."""
        return name in self._flapping

    def heard_us(self, name: str) -> int | None:
        """Return when a connected device was last heard of, in µs; None where it is not connected."""
        pulse = self._pulses.get(name)
        return None if pulse is None else pulse.heard_us

    def of(self, name: str) -> str:
        """Return `online`, `silent`, `sleeping`, `unconfirmed` or `offline`."""
        return self._state.get(name, "offline")

    def item(self, name: str) -> dict[str, Any]:
        """Return what of it viewers see beside the state."""
        return self._facts.get(name, {}) | ({"flapping": True} if name in self._flapping else {})
