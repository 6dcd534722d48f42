"""Lists are gone through page by page, and no further than is wanted."""

from typing import Any

from hub.client.pages import entries, newest


class Listed:
    """Five entries, two a page."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    async def ask(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Answer as the hub does."""
        self.asked.append(dict(wanted))
        first = int(wanted.get("after", 0))
        page = list(range(first + 1, min(first + 2, 5) + 1))
        return {"numbers": [{"n": n} for n in page], "next": str(page[-1]) if page[-1] < 5 else None}


async def test_every_page_is_asked_for_once() -> None:
    listed = Listed()
    assert [each["n"] async for each in entries(listed.ask, "numbers", device="pump", where=None)] == [1, 2, 3, 4, 5]
    assert listed.asked == [{"device": "pump"}, {"device": "pump", "after": "2"}, {"device": "pump", "after": "4"}]


async def test_of_the_newest_no_page_is_asked_for_that_is_not_wanted() -> None:
    listed = Listed()
    assert [each["n"] for each in await newest(entries(listed.ask, "numbers"), 2)] == [1, 2]
    assert len(listed.asked) == 1
