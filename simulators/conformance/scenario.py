"""A scenario, and how it ended.

Owns the two records; scenes make scenarios, course.py plays them and hub/cli/conformance.py shows the outcomes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from simulators.conformance.stand import Stand

Word = Literal["passed", "failed", "not applicable"]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing a client is put through. `play` returns what was seen; it raises Broken or NotApplicable."""

    name: str
    section: str  # of docs/protocol.md
    title: str  # what is expected of the client
    play: Callable[[Stand], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a scenario ended."""

    scenario: Scenario
    word: Word
    why: str
    took_s: float

    def said(self) -> dict[str, object]:
        """Return it for JSON."""
        named = {"name": self.scenario.name, "section": self.scenario.section, "title": self.scenario.title}
        return named | {"outcome": self.word, "why": self.why, "took_s": round(self.took_s, 2)}
