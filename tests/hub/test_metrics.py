"""The figures as Prometheus reads them."""

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trio
import trio.testing
from prometheus_client.parser import text_string_to_metric_families
from trio.testing import MockClock

from hub import main
from hub.bus.confluence import Confluence
from hub.bus.redis import RedisBus
from hub.config import Settings
from hub.journal import Journal, JournalSettings, SQLiteJournalFile
from hub.metrics import Metrics
from hub.redis import Redis

OPERATING = Path(__file__).parents[2] / "docs" / "operating.md"


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(metrics.text().decode())
    return {(s.name, s.labels.get("le") or s.labels.get("code") or ""): s.value for family in families for s in family.samples}


def test_histogram_counts_are_cumulative_and_sum_up() -> None:
    metrics = Metrics()
    for seconds in (0.001, 0.0011, 0.05, 400.0):
        metrics.durable(seconds)
    found = samples(metrics)
    name = "tributary_receive_to_durable_seconds"
    assert found[(f"{name}_bucket", "0.001")] == 1
    assert found[(f"{name}_bucket", "0.0016")] == 2
    assert found[(f"{name}_bucket", "60.0")] == 3
    assert found[(f"{name}_bucket", "+Inf")] == found[(f"{name}_count", "")] == 4
    assert found[(f"{name}_sum", "")] == 400.0521
    assert found[("tributary_receive_to_ack_seconds_count", "")] == 0


def test_rejections_are_counted_by_code() -> None:
    metrics = Metrics()
    for code in ("readings", "bad_frame", "readings"):
        metrics.rejected(code)
    assert samples(metrics)[("tributary_rejected_frames_total", "readings")] == 2


def test_figures_of_a_part_are_read_when_somebody_asks() -> None:
    metrics = Metrics()
    figures = {"pending_rows": 1.0}
    metrics.add_part("journal", lambda: figures)
    figures["pending_rows"] = 7.0
    assert samples(metrics)[("tributary_journal_pending_rows", "")] == 7


async def test_late_event_loop_is_told_with_its_worst_once() -> None:
    metrics = Metrics()
    async with trio.open_nursery() as nursery:
        await nursery.start(metrics.loop.run)
        await trio.testing.wait_all_tasks_blocked()
        blocked_to_s = time.perf_counter() + 0.08
        while time.perf_counter() < blocked_to_s:
            pass
        while not samples(metrics)[("tributary_event_loop_late_seconds_count", "")]:
            await trio.lowlevel.checkpoint()
        nursery.cancel_scope.cancel()
    found = samples(metrics)
    assert found[("tributary_event_loop_late_seconds_count", "")] >= 1
    assert found[("tributary_event_loop_late_seconds_sum", "")] >= 0.05


async def test_worst_lateness_is_forgotten_once_it_was_told(autojump_clock: MockClock) -> None:
    metrics = Metrics()
    async with trio.open_nursery() as nursery:
        await nursery.start(metrics.loop.run)
        await trio.testing.wait_all_tasks_blocked()
        autojump_clock.jump(2.0)
        await trio.lowlevel.checkpoint()
        await trio.lowlevel.checkpoint()
        assert samples(metrics)[("tributary_event_loop_worst_late_seconds", "")] == pytest.approx(1.99)
        assert samples(metrics)[("tributary_event_loop_worst_late_seconds", "")] == 0
        nursery.cancel_scope.cancel()


def test_refusals_and_ends_of_connections_are_counted_by_code() -> None:
    metrics = Metrics()
    metrics.refused("busy")
    metrics.ended("heartbeat_lost")
    metrics.ended("heartbeat_lost")
    found = samples(metrics)
    assert found[("tributary_refused_requests_total", "busy")] == 1
    assert found[("tributary_device_connections_ended_total", "heartbeat_lost")] == 2


def told_metrics(is_meant: Callable[[str], bool]) -> set[str]:
    """Return the metrics of the table in docs/operating.md, of the rows whose meaning is meant."""
    rows = re.findall(r"^\| (`tributary_.+?) \| (.+) \|$", OPERATING.read_text().split("<!-- metrics:")[1], re.MULTILINE)
    names = [name for told, meaning in rows if is_meant(meaning) for name in re.findall(r"`(tributary_[a-z0-9_]+)", told)]
    return {re.sub(r"_total$", "", name) for name in names}


def test_every_metric_of_what_nodes_tell_each_other_stands_in_the_docs_and_no_other(tmp_path: Path) -> None:
    journal = Journal(SQLiteJournalFile(tmp_path / "journal.db"), JournalSettings(), lambda: 0)
    bus = RedisBus(Redis("redis://127.0.0.1:1"), lambda: "a", 1_000_000, 1_000_000)
    figures = {**Confluence(journal, list, bus, 1_000_000, lambda: 0).statistics(), **bus.statistics()}
    assert {f"tributary_bus_{name}" for name in figures} == told_metrics(lambda meaning: meaning.startswith("in a cluster"))


async def test_every_metric_of_a_running_hub_stands_in_the_docs_and_no_other(tmp_path: Path) -> None:
    async with trio.open_nursery() as nursery, httpx.AsyncClient() as client:
        url = await nursery.start(main.serve, Settings(port=0, data_dir=tmp_path))
        found: set[str] = set()
        while "tributary_history_used_bytes" not in found:  # its figures are sampled once a second
            text = (await client.get(f"{url}/metrics")).text
            found = {re.sub(r"_(total|bucket|count|sum)$", "", line.split()[2]) for line in text.splitlines() if line.startswith("# TYPE")}
        assert (await client.get(f"{url}/api/v1/devices")).status_code == 401
        assert 'tributary_refused_requests_total{code="not_logged_in"} 1.0' in (await client.get(f"{url}/metrics")).text
        nursery.cancel_scope.cancel()
    assert found == told_metrics(lambda meaning: not meaning.startswith("in a cluster"))
