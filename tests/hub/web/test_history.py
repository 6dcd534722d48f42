"""Stored readings over HTTP: ranges, widths, limits, and values as they were."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.api_hub import ApiHub, api_hub, is_refusal
from tests.support.ingest_hub import now_us

T = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
KINDS = [
    {"name": "temp", "unit": "Cel", "kind": "gauge"},
    {"name": "count", "unit": "1", "kind": "counter"},
    {"name": "mode", "unit": "", "kind": "text"},
    {"name": "is_open", "unit": "", "kind": "state"},
    {"name": "place", "unit": "", "kind": "position"},
]


async def put(
    hub: ApiHub, name: str, epoch: int, readings: list[tuple[int, int, Any]], channels: list[dict[str, Any]] | None = None
) -> None:
    """Have a device send readings (time, channel, value) and wait until they are stored."""
    device = await hub.device(name, epoch, **({"channels": channels} if channels else {}))
    times, numbers, values = zip(*readings, strict=True)
    offsets = [t - times[0] for t in times]
    await device.say({"e": epoch, "s": 1, "op": "data", "t": times[0], "c": list(numbers), "d": offsets, "v": list(values)})
    await device.is_acked(epoch, 1)
    await hub.is_stored()


async def ask(hub: ApiHub, **params: Any) -> dict[str, Any]:
    async with hub.admin() as admin:
        names = {key.rstrip("_"): value for key, value in params.items()}
        answer = await admin.get("/api/v1/query", params={"device": "pump", **names})
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


async def test_values_of_every_kind_come_back_as_they_were(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        values = [21.5, 2**53 + 1, "grün", True, [48.1, 11.5]]
        await put(hub, "pump", 5, [(T + at, at, value) for at, value in enumerate(values)], KINDS)
        said = await ask(hub, from_=T, to=T + 10)
        found = {each["channel"]: each for each in said["series"]}
        assert {name: each["points"][0][2] for name, each in found.items()} == dict(zip([c["name"] for c in KINDS], values, strict=True))
        assert [found["temp"][key] for key in ("device", "unit", "kind")] == ["pump", "Cel", "gauge"]
        assert found["count"]["points"][0][0] == T + 1
        assert 0 <= found["count"]["points"][0][1] <= 999
        assert said["cursor"] == {"journal": hub.parts.journal.id, "position": 1}
        assert (said["truncated"], said["from_us"], said["to_us"]) == (False, T, T + 10)


async def test_buckets_have_plain_numbers_and_texts_have_no_mean(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T, 0, 1.0), (T + 999_999, 0, 3.0), (T + 1_000_000, 0, 5.0), (T, 2, "idle")], KINDS)
        said = await ask(hub, from_=T, to=T + 2_000_000, width="1s")
        found = {each["channel"]: each["buckets"] for each in said["series"]}
        assert found["temp"] == {
            "width_us": 1_000_000,
            "t": [T, T + 1_000_000],
            "min": [1.0, 5.0],
            "max": [3.0, 5.0],
            "sum": [4.0, 5.0],
            "count": [2, 1],
            "last": [3.0, 5.0],
            "last_t": [T + 999_999, T + 1_000_000],
        }
        assert [found["mode"][key] for key in ("min", "max", "sum", "count", "last")] == [[None], [None], [None], [1], ["idle"]]


@pytest.mark.parametrize("width", ["raw", "100ms", "1s", "10s", "1min", "10min", "1h", "1d"])
async def test_each_width_counts_every_reading_once(tmp_path: Path, width: str) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T + at * 150_000, 0, at) for at in range(40)])
        (series,) = (await ask(hub, from_=T - 86_400_000_000, to=T + 86_400_000_000, width=width))["series"]
        assert (len(series["points"]) if width == "raw" else sum(series["buckets"]["count"])) == 40


async def test_beyond_the_limit_the_newest_are_given_and_it_is_said(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T + at, 0, at) for at in range(20)])
        said = await ask(hub, from_=T, to=T + 20, limit=5)
        assert said["truncated"] is True
        assert [value for _, _, value in said["series"][0]["points"]] == [15, 16, 17, 18, 19]
        assert (await ask(hub, from_=T, to=T + 20, limit=20))["truncated"] is False


async def test_several_devices_and_channels_are_asked_at_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T, 0, 1), (T, 1, 2)])
        await put(hub, "valve", 6, [(T, 0, 3), (T, 1, 4)])
        params = {"device": ["pump", "valve"], "channel": ["temp", "none"], "from_": T, "to": T + 1}
        said = await ask(hub, **params)
        assert [(each["device"], each["channel"]) for each in said["series"]] == [("pump", "temp"), ("valve", "temp")]
        async with hub.admin() as admin:
            assert len((await admin.get("/api/v1/series")).json()["series"]) == 4
            assert [each["device"] for each in (await admin.get("/api/v1/series?device=valve")).json()["series"]] == ["valve", "valve"]


@pytest.mark.parametrize(
    "begin", [str(T), "2023-11-14T22:13:20Z", "2023-11-14T23:13:20+01:00", "2023-11-14T22:13:20.000000", "2023-11-14 22:13:20Z"]
)
async def test_a_time_is_rfc_3339_or_microseconds(tmp_path: Path, begin: str) -> None:
    async with api_hub(tmp_path) as hub:
        said = await ask(hub, from_=begin, to=T + 5_000_000)
        assert (said["from_us"], said["to_us"]) == (T, T + 5_000_000)
        assert datetime.fromtimestamp(T / 1e6, UTC).isoformat() == "2023-11-14T22:13:20+00:00"


async def test_a_plus_that_was_not_escaped_in_the_url_is_understood(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.get(f"/api/v1/query?device=pump&from=2023-11-14T23:13:20+01:00&to={T + 1}")
        assert answer.json()["from_us"] == T


async def test_without_a_range_the_last_hour_up_to_now_is_given(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(now_us(), 0, 7)])
        said = await ask(hub)
        assert [point[2] for point in said["series"][0]["points"]] == [7]
        assert said["to_us"] - said["from_us"] == 3_600_000_000
        said = await ask(hub, span_s=60)
        assert said["to_us"] - said["from_us"] == 60_000_000


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"from": "yesterday"}, "bad_time"),
        ({"from": ""}, "bad_time"),
        ({"from": "9" * 5_000}, "bad_time"),
        ({"from": str(10**16)}, "bad_time"),
        ({"to": "-9223372036854774", "span_s": "1e10"}, "bad_range"),
        ({"from": str(T), "to": str(T)}, "bad_range"),
        ({"from": str(T), "span_s": "5"}, "bad_range"),
        ({"span_s": "0"}, "bad_request"),
        ({"span_s": "nan"}, "bad_request"),
        ({"span_s": "inf"}, "bad_request"),
        ({"width": "2s"}, "bad_width"),
        ({"limit": "0"}, "bad_request"),
        ({"limit": "100001"}, "bad_request"),
        ({"device": []}, "bad_request"),
    ],
)
async def test_what_cannot_be_asked_is_told_what_to_correct(tmp_path: Path, params: dict[str, Any], code: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        is_refusal(await admin.get("/api/v1/query", params={"device": "pump", **params}), 422, code)


@pytest.mark.parametrize("to", ["9223372036854774", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_the_ends_of_time_are_no_error_of_ours(tmp_path: Path, to: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        await put(hub, "pump", 5, [(T, 0, 7)])
        answer = await admin.get("/api/v1/query", params={"device": "pump", "from": "-9223372036854774", "to": to, "width": "1s"})
        assert answer.status_code in (200, 422), answer.text


async def test_a_device_without_readings_has_no_series(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        said = await ask(hub)
        assert (said["cursor"], said["series"], said["truncated"]) == (None, [], False)
