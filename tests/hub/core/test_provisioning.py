"""Provisioning keys on the real state store and registry: whom they let in, how often, and that a lost answer bricks nobody."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from devices.wire.messages import Hello
from hub.core import provisioning as module
from hub.core.audit import AuditLog
from hub.core.entities import Entities
from hub.core.errors import Refusal, TooOften
from hub.core.presence import Pulse
from hub.core.provisioning import Provisioning
from hub.core.registry import Registry
from hub.state.sqlite import SQLiteStateStore

DAY_US = 86_400_000_000
NONCE, OTHER = "0123456789abcdef", "fedcba9876543210"


class Stage:
    """Keys and a registry over a state store, and a clock that a test moves."""

    def __init__(self, state: SQLiteStateStore) -> None:
        self.state = state
        self.now_us = 1_000 * DAY_US
        self.now_s = 0.0
        self.registry = Registry(state, Entities(), self.now)
        self.keys = self.another()

    def now(self) -> int:
        return self.now_us

    def another(self) -> Provisioning:
        return Provisioning(self.state, self.registry, AuditLog(self.state, self.now), self.now)

    async def key(self, name: str = "pumps", **other: object) -> str:
        given = {"prefix": "", "days": 1.0, "max_devices": 10, "kind": "", "tags": ()} | other
        return (await self.keys.make(name, "ann", **given))[0]  # type: ignore[arg-type]

    async def register(self, key: str, name: str = "pump-1", nonce: str = NONCE, **said: str) -> tuple[str, bool]:
        return await self.keys.register(key, name, nonce, said, self.now_s)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    state = SQLiteStateStore(tmp_path / "state.db")
    await state.start()
    yield Stage(state)
    await state.aclose()


async def refused(stage: Stage, key: str, name: str = "pump-1", nonce: str = NONCE, **said: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await stage.register(key, name, nonce, **said)
    return caught.value


async def test_without_a_key_nobody_registers(stage: Stage) -> None:
    refusal = await refused(stage, "tribkey_x")
    assert (refusal.code, refusal.status) == ("provisioning_off", 403)
    assert "tributary provisioning add" in refusal.hint


async def test_a_device_registers_gets_what_the_key_gives_and_its_token_is_good(stage: Stage) -> None:
    key = await stage.key(kind="pump", tags=("new", "floor=2"))
    token, is_new = await stage.register(key, title="the pump")
    assert is_new
    assert len(token) == 43
    assert stage.registry.device_of(token) == "pump-1"
    item = stage.registry.item("pump-1") or {}
    assert (item["kind"], item["tags"], item["title"]) == ("pump", ["floor=2", "new"], "the pump")
    done = [(entry.who, entry.action, entry.what) for entry in await stage.state.audit(None, 10)]
    assert done == [("key:pumps", "add device", "device pump-1"), ("ann", "make provisioning key", "provisioning key pumps")]


async def test_the_same_request_gives_the_same_token_also_after_a_restart(stage: Stage) -> None:
    key = await stage.key()
    first, _ = await stage.register(key)
    stage.registry = Registry(stage.state, Entities(), stage.now)
    await stage.registry.load()
    stage.keys = stage.another()
    await stage.keys.load()
    assert await stage.register(key) == (first, False)
    assert stage.keys.items()[0]["registered"] == 1


async def test_twenty_requests_at_once_are_one_registration(stage: Stage) -> None:
    key = await stage.key()
    found: list[tuple[str, bool]] = []

    async def ask() -> None:
        found.append(await stage.register(key))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(ask)
    assert len({token for token, _ in found}) == 1
    assert sum(is_new for _, is_new in found) == 1


async def test_a_name_that_is_taken_is_given_to_nobody_else(stage: Stage) -> None:
    key = await stage.key()
    await stage.register(key)
    assert (await refused(stage, key, nonce=OTHER)).code == "exists"
    other = await stage.key("others")
    assert (await refused(stage, other)).code == "exists"
    await stage.registry.add_device("by-hand")
    assert (await refused(stage, key, "by-hand")).status == 409


async def test_a_device_that_has_connected_is_not_given_its_token_again(stage: Stage) -> None:
    key = await stage.key()
    await stage.register(key)
    await stage.registry.connected(Hello("pump-1", 1, ()), Pulse())
    refusal = await refused(stage, key)
    assert (refusal.code, refusal.status) == ("exists", 409)
    assert "tributary device token pump-1" in refusal.hint


async def test_a_token_that_was_replaced_or_withdrawn_does_not_come_back(stage: Stage) -> None:
    key = await stage.key()
    await stage.register(key)
    await stage.registry.revoke("pump-1")
    assert (await refused(stage, key)).code == "exists"


async def test_a_key_registers_so_many_and_no_more_and_a_repeat_does_not_count(stage: Stage) -> None:
    key = await stage.key(max_devices=2)
    for name in ("a", "b", "a", "b"):
        await stage.register(key, name)
    assert (await refused(stage, key, "c")).code == "key_used_up"
    await stage.registry.remove_device("a")
    assert (await refused(stage, key, "c")).code == "key_used_up"
    assert stage.registry.record("c") is None


async def test_a_key_is_over_in_time_and_when_it_is_revoked(stage: Stage) -> None:
    key, kept = await stage.key(days=1), await stage.key("kept", days=9)
    stage.now_us += DAY_US
    assert (await refused(stage, key)).code == "key_over"
    await stage.keys.revoke("kept", "ann")
    assert (await refused(stage, kept)).code == "provisioning_off"
    with pytest.raises(Refusal, match="no provisioning key is called"):
        await stage.keys.revoke("kept", "ann")


@pytest.mark.parametrize(
    ("name", "nonce", "code"),
    [
        ("valve-1", NONCE, "bad_name"),
        ("pump-" + "x" * 60, NONCE, "bad_name"),
        ("pump-1", "short", "bad_nonce"),
        ("pump-1", "ü" * 20, "bad_nonce"),
    ],
)
async def test_what_a_key_does_not_allow_is_refused_and_nothing_is_done(stage: Stage, name: str, nonce: str, code: str) -> None:
    key = await stage.key(prefix="pump-")
    assert (await refused(stage, key, name, nonce)).code == code
    assert stage.registry.names() == []
    assert stage.keys.items()[0]["registered"] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "a b"},
        {"prefix": "-x"},
        {"days": 0.0},
        {"days": 4_000.0},
        {"max_devices": 0},
        {"max_devices": 2_000_000},
        {"tags": ("a b",)},
    ],
)
async def test_a_key_that_cannot_be_is_not_made(stage: Stage, wrong: dict[str, object]) -> None:
    with pytest.raises(Refusal) as caught:
        await stage.key(**wrong)  # type: ignore[arg-type]
    assert caught.value.status == 422
    assert stage.keys.items() == []


async def test_wrong_keys_are_slowed_down_from_everywhere_and_a_right_one_passes(stage: Stage) -> None:
    key = await stage.key()
    codes = [(await refused(stage, "tribkey_wrong")).code for _ in range(102)]
    assert (codes[0], codes[-1]) == ("wrong_key", "too_many_tries")
    assert (await stage.register(key))[1]


async def test_registrations_keep_a_pace(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_A_MINUTE", 3)
    key = await stage.key()
    for name in ("a", "b", "c", "a"):
        await stage.register(key, name)
    refusal = await refused(stage, key, "d")
    assert isinstance(refusal, TooOften)
    assert refusal.wait_s == 60
    stage.now_s += 60
    await stage.register(key, "d")


def content_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("state.db*"))


async def test_neither_key_nor_token_is_in_the_file_or_the_items(stage: Stage, tmp_path: Path) -> None:
    key = await stage.key()
    token, _ = await stage.register(key)
    content = content_of(tmp_path)
    assert key.encode() not in content
    assert token.encode() not in content
    assert set(stage.keys.items()[0]) == {
        "name", "prefix", "kind", "tags", "max_devices", "registered", "by", "created_us", "expires_us",
    }  # fmt: skip


async def test_a_key_that_another_hub_revoked_meanwhile_adds_no_device(stage: Stage) -> None:
    key = await stage.key()
    other = stage.another()
    await other.load()
    await other.revoke("pumps", "bob")
    assert (await refused(stage, key)).code == "busy"
    assert stage.registry.names() == []


def test_tokens_of_one_key_have_nothing_in_common() -> None:
    key = module.ProvisioningKey("k", b"", b"salt", "", "", (), 1, 0, "ann", 0, 1)
    made = {key.token_of(*said) for said in (("s", "a", NONCE), ("s", "b", NONCE), ("s", "a", OTHER), ("t", "a", NONCE))}
    made |= {replace(key, salt=b"other").token_of("s", "a", NONCE)}
    assert len(made) == 5
