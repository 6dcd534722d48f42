"""A hub that writes a line which no correct hub writes, at each frame: is it found? Started by test_fuzz.py."""

from collections.abc import Sequence
from typing import Any

import structlog

from hub.core.records import Row
from tests.fuzz.impatient import ImpatientHub, serve


class PlantedHub(ImpatientHub):
    """The hub with a fault."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.journal.on_commit(plant)


def plant(rows: Sequence[Row]) -> None:
    """Write the line."""
    for row in rows:
        structlog.get_logger().error("planted", epoch=row.epoch)


if __name__ == "__main__":
    serve(PlantedHub)
