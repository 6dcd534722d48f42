"""Every scenario of the course, in its order: from the handshake to the count of all that was made.

Owns the order; each file beside owns what is played.
"""

from simulators.conformance.scenario import Scenario
from simulators.conformance.scenes import bounds, cancels, commands, course_end, credit, ends, hostile, keeping, opening, rejects, shadow

SCENARIOS: tuple[Scenario, ...] = (
    *opening.SCENES,
    *keeping.SCENES,
    *credit.SCENES,
    *bounds.SCENES,
    *rejects.SCENES,
    *ends.SCENES,
    *commands.SCENES,
    *cancels.SCENES,
    *shadow.SCENES,
    *hostile.SCENES,
    *course_end.SCENES,
)
