"""A missing reading is excused by its spool, a declared gap or a rejection, and by nothing else."""

from typing import Any, cast

from hub.client import HubClient
from simulators.fleet.excuses import Excuses


class Hub:
    """A hub that knows the losses of one device."""

    async def losses(self, device: str) -> dict[str, list[dict[str, Any]]]:
        """Return them."""
        gaps: list[dict[str, Any]] = [{"readings": 2, "from_us": 100, "to_us": 200}, {"readings": 9, "from_us": None, "to_us": None}]
        rejects: list[dict[str, Any]] = [{"readings": [{"channel": "air", "time_us": 300}]}, {"code": "bad_frame"}]
        return {"gaps": gaps, "rejects": rejects}


async def test_each_excuse_is_named_and_a_gap_covers_no_more_than_it_declares() -> None:
    excuses = Excuses(cast(HubClient, Hub()), {"d1": [[5, 8]]})
    await excuses.load("d1")
    asked = [(7, 1), (8, 1), (1, 150), (2, 150), (3, 150), (4, 300)]
    assert [excuses.why("d1", "air", number, time_us) for number, time_us in asked] == [
        "spooled", None, "in_gaps", "in_gaps", None, "rejected",
    ]  # fmt: skip
    assert excuses.why("d1", "hum", 4, 300) is None


async def test_what_was_dated_too_far_ahead_is_no_excuse_but_told_apart() -> None:
    class Ahead:
        async def losses(self, device: str) -> dict[str, list[dict[str, Any]]]:
            single = {"code": "readings", "readings": [{"channel": "air", "time_us": 300, "code": "future"}]}
            return {"gaps": [], "rejects": [single, {"code": "future", "channel": "v", "from_us": 400, "to_us": 410}]}

    excuses = Excuses(cast(HubClient, Ahead()), {})
    await excuses.load("d1")
    assert excuses.why("d1", "air", 1, 300) is None
    ahead = excuses.ahead("d1")
    assert [ahead.has("air", 300), ahead.has("air", 400), ahead.has("v", 405), ahead.has("v", 411)] == [True, False, True, False]
    assert ahead.ends() == {("air", 300), ("v", 400), ("v", 410)}


async def test_what_the_device_does_not_know_of_excuses_nothing() -> None:
    excuses = Excuses(cast(HubClient, Hub()), {}, {"d1": [1, 0]})
    await excuses.load("d1")
    asked = [(1, 150), (2, 150), (3, 300)]
    assert [excuses.why("d1", "air", number, time_us) for number, time_us in asked] == ["in_gaps", None, None]
