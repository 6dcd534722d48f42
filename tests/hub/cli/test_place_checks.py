"""Places where a hub should not stand: each is real, or told the way the kernel tells it."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hub.cli.findings import Finding, Verdict
from hub.cli.place_checks import bounds, clock_state, file_system, kind_of, listen_queue, synchronised, tiers
from hub.config import load_settings

MOUNTS = """\
21 1 8:1 / / rw,relatime shared:1 - overlay overlay rw
22 21 0:20 / /proc rw - proc proc rw
30 21 0:44 / /srv/a\\040place rw,relatime shared:2 - nfs4 nas:/export rw
31 30 8:2 / /srv/a\\040place/disk rw,relatime - ext4 /dev/sda2 rw
"""


def only(findings: Iterable[Finding]) -> Finding:
    (finding,) = findings
    return finding


def settings(data_dir: Path, **given: Any) -> Any:
    return load_settings(data_dir=data_dir, **given)


def test_a_data_directory_in_memory_is_warned_of() -> None:
    finding = only(file_system(settings(Path("/dev/shm/none-yet/data"))))
    assert finding.verdict == Verdict.WARN
    assert "tmpfs" in finding.found
    assert finding.advice


@pytest.mark.parametrize(
    ("place", "kind"), [("/srv/a place", "nfs4"), ("/srv/a place/disk/x", "ext4"), ("/srv/a placeless", "overlay"), ("/proc/1", "proc")]
)
def test_the_nearest_mount_says_which_kind_of_file_system_it_is(tmp_path: Path, place: str, kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert kind_of(Path(place), mounts) == kind
    assert kind_of(Path(place), tmp_path / "none") is None


@pytest.mark.parametrize(
    ("kind", "verdict"), [("nfs4", Verdict.FAIL), ("cifs", Verdict.FAIL), ("overlay", Verdict.WARN), ("xfs", Verdict.OK)]
)
def test_a_network_is_no_disk_and_a_containers_layer_does_not_last(tmp_path: Path, kind: str, verdict: Verdict) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"21 1 8:1 / / rw - {kind} source rw\n")
    finding = only(file_system(settings(tmp_path), mounts))
    assert (finding.verdict, bool(finding.advice)) == (verdict, verdict != Verdict.OK)


def test_bounds_that_are_more_than_the_disk_has_are_told(tmp_path: Path) -> None:
    finding = only(bounds(settings(tmp_path, history_max_bytes=10**18)))
    assert finding.verdict == Verdict.WARN
    assert "1,000,000,0" in finding.found
    assert list(bounds(settings(tmp_path))) == []


def test_buckets_that_go_before_their_readings_are_told(tmp_path: Path) -> None:
    finding = only(tiers(settings(tmp_path, keep_raw_days=0, keep_minutes_days=0)))
    assert "keep_hours_days = 3650" in finding.found
    assert list(tiers(settings(tmp_path))) == []
    assert list(tiers(settings(tmp_path, keep_raw_days=400, store="influxdb+http://127.0.0.1:1/a/b"))) == []


def test_a_short_listen_queue_is_told_with_the_cure(tmp_path: Path) -> None:
    place = tmp_path / "somaxconn"
    place.write_text("128\n")
    finding = only(listen_queue(place))
    assert (finding.verdict, finding.advice) == (Verdict.WARN, "sysctl -w net.core.somaxconn=4096")
    place.write_text("4096\n")
    assert only(listen_queue(place)).verdict == Verdict.OK
    assert list(listen_queue(tmp_path / "none")) == []


@pytest.mark.parametrize(("state", "verdict"), [(5, Verdict.WARN), (0, Verdict.OK), (None, Verdict.OK), (-1, Verdict.OK)])
def test_a_clock_that_nobody_keeps_right_is_warned_of(state: int | None, verdict: Verdict) -> None:
    finding = only(synchronised(state))
    assert (finding.what, finding.verdict) == ("clock", verdict)


def test_the_kernel_says_how_its_clock_is() -> None:
    state = clock_state()
    assert state is None or -1 <= state <= 5
