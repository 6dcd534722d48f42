"""What doctor says of a Redis: what each setting of it loses, and one that is not there."""

from pathlib import Path

import pytest

from hub.cli.findings import Verdict
from hub.cli.redis_checks import check_redis, judged
from hub.config import Settings
from simulators.hub_process import free_port
from tests.support.redis import PROGRAM, running_redis


def of(**changed: str) -> list[tuple[Verdict, str]]:
    """Return the verdicts on good settings with some changed."""
    good = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0", "maxmemory-policy": "noeviction"}
    named = {name.replace("_", "-"): value for name, value in changed.items()}
    return [(finding.verdict, finding.found) for finding in judged(good | named)]


def test_good_settings_lose_nothing() -> None:
    assert [verdict for verdict, _ in of()] == [Verdict.OK, Verdict.OK]


def test_a_sync_each_second_is_told_to_lose_one() -> None:
    verdict, found = of(appendfsync="everysec")[0]
    assert verdict == Verdict.OK
    assert "the last second" in found


@pytest.mark.parametrize(("changed", "said"), [({"appendonly": "no"}, "append-only"), ({"appendfsync": "no"}, "half a minute")])
def test_settings_that_lose_changes_fail(changed: dict[str, str], said: str) -> None:
    verdict, found = of(**changed)[0]
    assert verdict == Verdict.FAIL
    assert said in found


def test_a_memory_that_evicts_fails_only_where_it_has_a_bound() -> None:
    assert of(maxmemory_policy="allkeys-lru")[1][0] == Verdict.OK
    assert of(maxmemory="1000000", maxmemory_policy="allkeys-lru")[1][0] == Verdict.FAIL
    assert of(maxmemory="1000000")[1][0] == Verdict.OK


def test_a_redis_that_does_not_tell_its_settings_is_warned_of() -> None:
    assert [finding.verdict for finding in judged(None)] == [Verdict.WARN]


def test_a_hub_that_stands_alone_has_no_such_line(tmp_path: Path) -> None:
    assert check_redis(Settings(data_dir=tmp_path)) == []


def test_a_redis_that_is_not_there_fails_in_one_line(tmp_path: Path) -> None:
    (finding,) = check_redis(Settings(data_dir=tmp_path, state="redis", redis_url=f"redis://127.0.0.1:{free_port()}/0"))
    assert finding.verdict == Verdict.FAIL
    assert "Connection refused" in finding.found


@pytest.mark.needs_server(PROGRAM)
def test_a_real_one_is_looked_at(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as redis:
        findings = check_redis(Settings(data_dir=tmp_path, state="redis", redis_url=redis.url))
    assert [finding.verdict for finding in findings] == [Verdict.OK] * 3
