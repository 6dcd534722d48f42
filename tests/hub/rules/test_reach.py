"""Rules by tag expression: a device that joins is judged at once, one that leaves has its alerts closed, and the journal agrees."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from hub.core.errors import Refusal
from hub.core.members import Asked
from tests.hub.rules.test_follower import HOT, a_stand
from tests.hub.rules.test_outbox import PUMP
from tests.hub.rules.test_silences import quiet
from tests.support.waiting import until

WHERE: Mapping[str, Any] = {**HOT, "where": "floor=2"}


async def test_readings_count_for_the_devices_that_are_meant_when_they_are_judged(tmp_path: Path) -> None:
    asked = Asked()
    async with a_stand(tmp_path, members_of=asked.members) as stand:
        await stand.makes("hot", WHERE)
        assert (stand.desk.rule("hot")["where"], stand.desk.rule("hot")["devices"]) == ("floor=2", ["*"])
        asked.put("pump", {"floor": "1"})
        await stand.says(90.0)
        await stand.is_judged()
        assert stand.states() == []
        asked.put("pump", {"floor": "2"})
        await stand.says(91.0)
        await stand.is_judged()
        assert stand.states() == ["open"]
        asked.put("pump", {"floor": "1"})
        await until(lambda: stand.states() == ["cleared"])
        assert stand.desk.alerts()[0]["reason"] == "the rule means the device no more"
        asked.put("pump", {"floor": "2"})
        await stand.says(92.0)
        await stand.is_judged()
        assert sorted(stand.states()) == ["cleared", "open"]
        await stand.desk.delete_rule("hot", "ann")
        asked.put("pump", {"floor": "3"})
        await stand.says(93.0)
        await stand.is_judged()
        assert stand.states() == ["cleared", "cleared"]


async def test_a_device_that_left_while_the_hub_was_away_has_its_alert_closed(tmp_path: Path) -> None:
    asked = Asked()
    asked.put("pump", {"floor": "2"})
    async with a_stand(tmp_path, members_of=asked.members) as stand:
        await stand.makes("hot", WHERE)
        await stand.says(90.0)
        await stand.is_judged()
        assert stand.states() == ["open"]
    async with a_stand(tmp_path, 8, members_of=asked.members) as stand:
        await stand.says(90.0)
        await stand.is_judged()
        assert stand.states() == ["open"]
    asked.put("pump", {"floor": "1"})
    async with a_stand(tmp_path, 9, members_of=asked.members) as stand:
        await until(lambda: stand.states() == ["cleared"])


async def test_a_device_that_joins_is_offline_for_a_rule_from_then_on(tmp_path: Path) -> None:
    async with quiet(tmp_path) as stand:
        await stand.desk.delete_rule("gone", "ann")
        await stand.desk.put_rule("away", {"kind": "offline", "where": "floor=2"}, None, "ann")
        stand.asked.put("pump", {"floor": "1"})
        stand.entities.put_device(PUMP)
        stand.asked.put("pump", {"floor": "2"})
        await stand.is_raised(silenced=False)
        stand.asked.remove("pump")
        await until(lambda: stand.desk.alerts()[0]["state"] == "cleared")


@pytest.mark.parametrize(
    ("more", "said"),
    [({"devices": ["pump"]}, "devices and where contradict"), ({"where": "floor="}, "needs a value"), ({"where": 7}, "must be a text")],
)
async def test_a_wrong_expression_is_refused_and_nothing_is_made(tmp_path: Path, more: dict[str, Any], said: str) -> None:
    async with quiet(tmp_path) as stand:
        with pytest.raises(Refusal, match=said):
            await stand.desk.put_rule("hot", {**WHERE, **more}, None, "ann")
        assert [rule["rule"] for rule in stand.desk.rules()] == ["gone"]
