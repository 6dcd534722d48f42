"""What people change of targets: a secret is shown once and replaced with an overlap, a test says how it ended, all of it is audited."""

import math
from pathlib import Path

import pytest
import trio
import trio.testing

from hub.core.errors import Refusal
from tests.hub.rules.test_outbox import DONE, DOWN, HOOK, Wire, a_stand


async def test_a_secret_is_shown_once_and_kept_when_the_target_is_edited(tmp_path: Path) -> None:
    async with a_stand(tmp_path, Wire()) as stand:
        made = await stand.targets.put_target("a", HOOK, None, "ann")
        assert made["secret"].startswith("whsec_")
        edited = await stand.targets.put_target("a", HOOK | {"severity": "critical"}, 1, "ann")
        assert (edited["version"], "secret" in edited) == (2, False)
        kept = stand.desk.book.target("a")
        assert kept is not None
        assert kept[0].secret == made["secret"]
        new = await stand.targets.new_secret("a", 60.0, "ann")
        kept = stand.desk.book.target("a")
        assert kept is not None
        assert kept[0].secrets_at(1_000) == (new, made["secret"])
        assert kept[0].secrets_at(1_000 + 60_000_000) == (new,)
        last = await stand.targets.new_secret("a", 0.0, "ann")
        kept = stand.desk.book.target("a")
        assert kept is not None
        assert kept[0].secrets_at(0) == (last,)
        entries = await stand.state.audit(None, 9)
        assert [entry.action for entry in entries[:4]] == ["replace secret", "replace secret", "edit target", "create target"]
        assert not any(secret in str(entries) for secret in (made["secret"], new, last))
        assert not any("secret" in each for each in stand.targets.targets())


async def test_a_target_is_changed_only_by_who_knows_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.rules.targets.MAX_TARGETS", 1)
    async with a_stand(tmp_path, Wire(), "a") as stand:
        for name, version, code in (("a", None, "exists"), ("a", 7, "conflict"), ("b", 1, "no_target"), ("b", None, "too_many_targets")):
            with pytest.raises(Refusal) as refused:
                await stand.targets.put_target(name, HOOK, version, "ann")
            assert refused.value.code == code
        for call in (stand.targets.delete_target("b", "ann"), stand.targets.new_secret("b", 0, "ann"), stand.targets.test("b", "ann")):
            with pytest.raises(Refusal) as refused:
                await call
            assert refused.value.status == 404
        with pytest.raises(Refusal, match="not there"):
            await stand.targets.put_target("a", HOOK | {"url": "http://127.0.0.1/"}, 1, "ann")
        assert stand.targets.target("a")["version"] == 1


async def test_a_test_is_sent_once_and_one_that_arrives_has_what_waits_tried(
    tmp_path: Path, autojump_clock: trio.testing.MockClock
) -> None:
    wire = Wire()
    wire.answers["a"] = [DOWN]
    async with a_stand(tmp_path, wire, "a") as stand:
        await stand.goes("p1")
        await trio.sleep(1_000)
        done = await stand.targets.test("a", "ann")
        assert (done["event"], done["state"], done["error"]) == ("test", "given_up", "connection refused")
        wire.answers["a"] = [DONE]
        autojump_clock.rate, autojump_clock.autojump_threshold = 1.0, math.inf  # else time runs while the store writes
        began_s = trio.current_time()
        assert (await stand.targets.test("a", "ann"))["state"] == "delivered"
        await stand.all_done()
        assert trio.current_time() - began_s < 10
        assert wire.told("a")[-2:] == ["test ", "alert.opened p1"]
