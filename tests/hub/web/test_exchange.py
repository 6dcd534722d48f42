"""Readings out as files and in again, over HTTP, on a real hub in this process."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import msgpack
import pytest
import trio
import trio.testing

from hub.core.exchange.options import ImportOptions
from hub.core.records import Columns, Reading, Series
from hub.ports import StoreUnavailable
from hub.web.api import make_app
from tests.support.api_hub import ApiHub, api_hub, is_refusal
from tests.support.ingest_hub import now_us
from tests.support.waiting import until

T = 1_700_000_000_000_000  # 2023-11-14T22:13:20Z
DAY = 86_400_000_000
KINDS: list[dict[str, Any]] = [
    {"name": "temp", "unit": "Cel", "kind": "gauge"},
    {"name": "=count", "unit": "1", "kind": "counter"},
    {"name": "mode", "unit": "", "kind": "text"},
    {"name": "is_open", "unit": "", "kind": "state"},
    {"name": "gear", "unit": "", "kind": "state", "values": ["true", "low"]},
    {"name": "place", "unit": "", "kind": "position"},
]
READINGS: list[tuple[int, int, Any]] = [
    (T, 0, 21.5), (T + 1, 0, 3), (T + 1, 0, -0.0), (T, 1, 2**53 + 1), (T, 2, "=cmd|' /C calc'!A0"), (T + 1, 2, ""), (T + 2, 2, 'a "b",\n'),
    (T, 3, True), (T + 1, 3, False), (T, 4, "true"), (T + 1, 4, "low"), (T, 5, [48.1, 11.5]), (T - DAY, 0, 1e300),
]  # fmt: skip
Found = dict[Series, list[Reading]]


async def put(hub: ApiHub, name: str, epoch: int, readings: list[tuple[int, int, Any]], channels: list[dict[str, Any]] = KINDS) -> None:
    """Have a device send readings (time, channel, value) and wait until they are stored."""
    device = await hub.device(name, epoch, channels=channels)
    for seq, at in enumerate(range(0, len(readings), 4_000), 1):
        times, numbers, values = zip(*readings[at : at + 4_000], strict=True)
        said = {"t": times[0], "c": list(numbers), "d": [t - times[0] for t in times], "v": list(values)}
        await device.say({"e": epoch, "s": seq, "op": "data", **said})
        await device.is_acked(epoch, seq)
    await hub.is_stored()


async def stored(hub: ApiHub) -> Found:
    await hub.is_stored()
    series = await hub.store.list_series()
    return (await hub.store.query(series, -(2**62) // 1_000, 2**62 // 1_000, 0, 1_000_000)).raw


async def exported(hub: ApiHub, **params: Any) -> httpx.Response:
    async with hub.admin() as admin:
        answer = await admin.get("/api/v1/export", params={key.rstrip("_"): value for key, value in params.items()})
        assert answer.status_code == 200, answer.text
        return answer


async def imported(hub: ApiHub, content: bytes, **params: Any) -> dict[str, Any]:
    async with hub.admin() as admin:
        answer = await admin.post("/api/v1/import", params=params, content=content)
        assert answer.status_code == 200, answer.text
        said: dict[str, Any] = answer.json()
        return said


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_what_is_exported_and_imported_elsewhere_is_the_same_to_the_point(tmp_path: Path, form: str) -> None:
    async with api_hub(tmp_path / "a") as hub:
        await put(hub, "pump", 5, READINGS)
        await put(hub, "valve", 6, READINGS[:4])
        before = await stored(hub)
        content = (await exported(hub, format=form)).content
    async with api_hub(tmp_path / "b") as hub:
        said = await imported(hub, content, create="true")
        assert (said["changed"], said["readings"], said["format"]) == (True, len(READINGS) + 4, form)
        assert [each["state"] for each in said["devices"]] == ["imported", "imported"]
        after = await stored(hub)
        assert {each: repr(found) for each, found in after.items()} == {
            each: repr(found) for each, found in before.items()
        }  # 3 is not 3.0, and -0.0 not 0.0
        assert hub.parts.registry.names() == ["pump", "valve"]


async def test_the_same_file_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    content = b"time,temp\r\n2023-11-14T22:13:20Z,21.5\r\n2023-11-14T22:13:20Z,22.5\r\n"
    async with api_hub(tmp_path) as hub:
        assert (await imported(hub, content, device="pump", create="true"))["changed"] is True
        before, position = await stored(hub), hub.parts.journal.position
        again = await imported(hub, content, device="pump")
        assert (again["changed"], again["readings"], again["devices"][0]["state"]) == (False, 2, "known")
        assert hub.parts.journal.position == position
        assert await stored(hub) == before
        assert [reading.value for reading in before[next(iter(before))]] in ([21.5, 22.5], [22.5, 21.5])
        assert (await imported(hub, content, device="pump", unit="Cel"))["changed"] is True  # said otherwise it is another import
        assert list((tmp_path / "imports").iterdir()) == []


@pytest.mark.parametrize("form", ["csv", "parquet"])
async def test_what_the_history_has_is_not_stored_twice(tmp_path: Path, form: str) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, READINGS)
        before, content = await stored(hub), (await exported(hub, format=form)).content
        said = await imported(hub, content)
        assert (said["changed"], said["readings"], said["stored"], said["devices"][0]["state"]) == (False, len(READINGS), 0, "known")
        assert await stored(hub) == before
        await put(hub, "pump", 6, [(T + 5, 0, 1.0)])
        rows = (await exported(hub)).content
        other = rows + b"2023-11-14T22:13:20.000009Z,pump,temp,Cel,gauge,1.0,7\r\n"
        said = await imported(hub, other)
        assert (said["changed"], said["stored"], said["devices"][0]["state"]) == (True, 1, "completed")
        assert sum(map(len, (await stored(hub)).values())) == len(READINGS) + 2


async def test_a_file_that_grows_is_imported_again_and_again(tmp_path: Path) -> None:
    rows = [b"%d,%d,m%d\n" % (T + at, at, at % 3) for at in range(30)]
    async with api_hub(tmp_path) as hub:
        for end, new in ((10, 20), (10, 0), (20, 20), (30, 20)):
            content = b"time,temp,mode\n" + b"".join(rows[:end])
            said = await imported(hub, content, device="pump", create="true", time_format="us")
            assert (said["stored"], said["readings"]) == (new, 2 * end)
            await hub.is_stored()
        assert [len(each) for each in (await stored(hub)).values()] == [30, 30]


async def test_totals_of_an_export_equal_those_of_a_query(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T + at * 150_000, 0, at) for at in range(400)])
        span = {"device": "pump", "from_": T, "to": T + 60_000_000}
        rows = (await exported(hub, width="1s", **span)).text.splitlines()
        assert rows[0] == "time,device,channel,unit,kind,count,min,mean,max,sum,last"
        async with hub.admin() as admin:
            params: dict[str, Any] = {"device": "pump", "from": T, "to": T + 60_000_000, "width": "1s"}
            (series,) = (await admin.get("/api/v1/query", params=params)).json()["series"]
        cells = [row.split(",") for row in rows[1:]]
        assert [int(row[5]) for row in cells] == series["buckets"]["count"]
        assert [float(row[9]) for row in cells] == series["buckets"]["sum"]
        assert sum(int(row[5]) for row in cells) == 400
        assert len((await exported(hub, **span)).text.splitlines()) == 401
        assert (await exported(hub, width="1s", format="lp", **span)).text.count("count=") == len(cells)


async def test_each_format_has_its_type_and_name(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, READINGS[:2])
        for form, kind in (("csv", "text/csv"), ("parquet", "application/vnd.apache.parquet"), ("lp", "text/plain")):
            answer = await exported(hub, format=form, device="pump")
            assert answer.headers["content-type"].startswith(kind)
            assert answer.headers["content-disposition"].startswith('attachment; filename="pump-')
            assert answer.headers["content-disposition"].endswith(f'.{form}"')
            assert answer.headers["x-tributary-empty"] == "false"
            assert answer.headers["cache-control"] == "no-store"
        lines = (await exported(hub, format="lp", channel="temp")).text.splitlines()
        assert lines[0].startswith("readings,channel=temp,device=pump,kind=gauge,unit=Cel num=21.5 1700000000000000")
        assert lines[-1] == "# end: 2 lines"


async def test_no_readings_are_an_empty_file_and_it_is_said(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await hub.parts.registry.add_device("pump")
        answer = await exported(hub, device="pump")
        assert (answer.text, answer.headers["x-tributary-empty"]) == ("time,device,channel,unit,kind,value,n\r\n", "true")
        await put(hub, "pump", 5, READINGS[:2])
        assert (await exported(hub, device="pump", from_=T + DAY)).headers["x-tributary-empty"] == "true"
        assert (await exported(hub, device="pump", from_=T + DAY, width="1h")).headers["x-tributary-empty"] == "true"


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"from": T, "to": T}, 422, "bad_range"),
        ({"from": T + 1, "to": T}, 422, "bad_range"),
        ({"from": "yesterday"}, 422, "bad_time"),
        ({"from": "9" * 30}, 422, "bad_time"),
        ({"from": T, "span_s": 5}, 422, "bad_range"),
        ({"width": "2s"}, 422, "bad_width"),
        ({"format": "xlsx"}, 422, "bad_format"),
        ({"device": "nobody"}, 404, "no_device"),
        ({"device": '"; DROP TABLE readings; --'}, 404, "no_device"),
        ({"channel": '"; DROP TABLE readings; --'}, 404, "no_channel"),
        ({"channels": "temp"}, 422, "unknown_parameter"),
    ],
)
async def test_what_cannot_be_exported_is_refused_with_the_reason(tmp_path: Path, params: dict[str, Any], status: int, code: str) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, READINGS[:2])
        async with hub.admin() as admin:
            is_refusal(await admin.get("/api/v1/export", params=params), status, code)
        assert sum(len(each) for each in (await stored(hub)).values()) == 2


async def test_a_name_that_line_protocol_cannot_say_is_refused(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T, 0, 1)], [{"name": "a\\", "unit": "", "kind": "gauge"}])
        async with hub.admin() as admin:
            said = is_refusal(await admin.get("/api/v1/export?format=lp"), 422, "bad_name")
            assert "backslash" in said["message"]
        assert "a\\" in (await exported(hub)).text


async def test_ten_thousand_series_are_exported_at_once(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        for number in range(10):
            channels = [{"name": f"c{at}", "unit": "", "kind": "gauge"} for at in range(1_000)]
            await put(hub, f"device-{number}", 5, [(T, at, at) for at in range(1_000)], channels)
        rows = (await exported(hub)).text.splitlines()[1:]
        assert len({tuple(row.split(",")[1:3]) for row in rows}) == 10_000
        assert len((await exported(hub, width="1d")).text.splitlines()) == 10_001


class Failing:
    """A store that cannot go on after its first page."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.pages = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def read(self, *args: Any) -> Columns:
        self.pages += 1
        if self.pages > 2:  # the first only looks whether there is anything
            raise StoreUnavailable("the disk is gone")
        columns: Columns = await self._store.read(*args)
        return columns


async def answered(app: Any, hub: ApiHub, version: str) -> list[dict[str, Any]]:
    """Ask for an export and return what the app sent of its answer, also where it raises."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    scope = {
        "type": "http", "http_version": version, "method": "GET", "path": "/api/v1/export", "query_string": b"", "scheme": "http",
        "headers": [(b"authorization", f"Bearer {hub.admin_token}".encode())], "client": None, "root_path": "",
    }  # fmt: skip
    with suppress(RuntimeError):
        await app(scope, trio.sleep_forever, send)
    return sent


async def test_an_export_that_breaks_off_never_ends_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.web.exporting.PAGE_READINGS", 10)
    async with api_hub(tmp_path) as hub:
        await put(hub, "pump", 5, [(T + at, 0, at) for at in range(100)])
        app = make_app(replace(hub.api, history=Failing(hub.store)))
        sent = await answered(app, hub, "1.1")
        assert sent[0]["status"] == 200
        assert len(sent) > 2
        assert all(message["more_body"] for message in sent[1:])  # no last piece: no last chunk
        sent = await answered(hub.app, hub, "1.1")
        assert sent[-1]["more_body"] is False


async def test_http_1_0_would_hide_a_short_file(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        assert (await answered(hub.app, hub, "1.0"))[0]["status"] == 426


HEAD = b"time,device,channel,unit,kind,value,n\r\n"
ROW = b"2023-11-14T22:13:20.000000Z,pump,temp,Cel,gauge,21.5,7\r\n"


@pytest.mark.parametrize(
    ("content", "params", "words"),
    [
        (b"", {}, "is empty"),
        (b"PK\x03\x04zip", {}, "zip archive"),
        (b"PAR1 and no more", {}, "cannot be read as Parquet"),
        (b"PAR1", {"format": "csv"}, "Parquet"),
        (b"time,temp\n", {"format": "parquet"}, "does not begin with PAR1"),
        (b"\xff\xfet\0i\0", {}, "UTF-16"),
        (b"time,temp\n", {}, "no readings"),
        (b"time,temp\n2023-11-14T22:13:20Z,\n", {}, "no readings"),
        (b"temp\n1\n", {}, "no column is named as a time"),
        ("time,größe\n2023-11-14T22:13:20Z,1\n".encode("latin-1"), {}, "0xf6 is no UTF-8"),
        (b"time;temp\n2023-11-14T22:13:20Z;21,5\n", {}, "separated by a semicolon"),
        (b"time;temp\n2023-11-14T22:13:20Z;1\n2023-11-14T22:13:20Z;21,5\n", {"delimiter": "semicolon"}, "row 3, column temp: '21,5'"),
        (b"time,temp\n2023-11-14T22:13:20Z,1,2\n", {}, "row 2 has 3 cells"),
        (b"time,temp\n2023-11-14T22:13:20Z,1\n1700000000,2\n", {}, "row 3, column time: '1700000000' is a number"),
        (b"time,temp\n2023-11-14T22:13:20,1\n", {}, "has no offset"),
        (b"time,temp\n2023-11-14T22:13:20Z,nan\n", {"kind": "gauge"}, "row 2, column temp: 'nan'"),
        (b"time,temp\n2023-11-14T22:13:20Z,1\n2023-11-14T22:13:21Z,warm\n", {}, "row 3, column temp: 'warm' is no number"),
        (b"time,temp\n2200-11-14T22:13:20Z,1\n", {}, "ahead"),
        (b'time,temp\n2023-11-14T22:13:20Z,"1\n', {}, "row 2 is no CSV"),
        (b"time,temp,temp\n2023-11-14T22:13:20Z,1,1\n", {}, "twice"),
        (b"time,temp\n2023-11-14T22:13:20Z,1\n", {"time_column": "when"}, "--time-column 'when' is none"),
        (HEAD + ROW + ROW[:-2], {}, "ends in the middle of row 3"),
        (HEAD + ROW.replace(b",7", b",1000"), {}, "row 2, column n: '1000'"),
        (HEAD + ROW.replace(b"pump", b"pu mp"), {}, "row 2, column device: 'pu mp'"),
        (HEAD + ROW.replace(b"gauge", b"number"), {}, "row 2, column kind: 'number'"),
        (HEAD + ROW.replace(b"21.5", b"x"), {}, "row 2, column value: 'x'"),
        (HEAD + ROW.replace(b"gauge,21.5", b"position,91 0"), {}, "row 2, column value: '91 0' is no place"),
        (HEAD + ROW.replace(b"gauge,21.5", b"text," + b"x" * 257), {}, "257 bytes, the limit is 256"),
        (HEAD + ROW.replace(b"21.5", b"9223372036854775808"), {}, "does not fit 64 bits"),
        (b"time,device,channel,unit,kind,count,min,mean,max,sum,last\r\n", {}, "buckets"),
    ],
)
async def test_a_file_that_is_not_sound_is_refused_wholly(tmp_path: Path, content: bytes, params: dict[str, str], words: str) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        device = {} if content.startswith(HEAD[:11]) else {"device": "pump"}
        answer = await admin.post("/api/v1/import", params={"create": "true", **device, **params}, content=content)
        said = is_refusal(answer, 422, "bad_file")
        assert words in said["message"], said
        assert hub.parts.journal.position == 0
        assert hub.parts.registry.names() == []
        assert not list((tmp_path / "imports").iterdir())


async def test_a_wrong_cell_at_the_end_of_a_long_file_leaves_nothing(tmp_path: Path) -> None:
    rows = [b"2023-11-14T22:13:%02dZ,%d\n" % (at % 60, at) for at in range(300_000)]
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        content = b"time,temp\n" + b"".join(rows) + b"2023-11-14T22:13:20Z,end\n"
        said = is_refusal(await admin.post("/api/v1/import?device=pump&create=true", content=content), 422, "bad_file")
        assert "row 300,002, column temp: 'end'" in said["message"]
        assert hub.parts.journal.position == 0


async def test_an_unknown_device_is_refused_unless_it_may_be_added(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        said = is_refusal(await admin.post("/api/v1/import", content=HEAD + ROW), 404, "no_device")
        assert "row 2: no device is called pump" in said["message"]
        assert hub.parts.journal.position == 0
        await imported(hub, HEAD + ROW, create="true")
        ((series, readings),) = (await stored(hub)).items()
        assert (series.device, series.channel, readings) == ("pump", "temp", [Reading(T * 1_000 + 7, 21.5)])


async def test_only_administrators_import(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub:
        for role in ("viewer", "operator"):
            async with await hub.browser(role) as somebody:
                is_refusal(await somebody.post("/api/v1/import", content=HEAD + ROW), 403, "not_allowed")
                assert (await somebody.get("/api/v1/export")).status_code == 200
        async with hub.client() as nobody:
            is_refusal(await nobody.post("/api/v1/import", content=HEAD + ROW), 401, "not_logged_in")
            is_refusal(await nobody.get("/api/v1/export"), 401, "not_logged_in")


async def test_progress_comes_line_by_line_and_the_last_line_is_the_result(tmp_path: Path) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        answer = await admin.post("/api/v1/import?progress=true&create=true", content=HEAD + ROW)
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[0]["phase"] == "checking"
        assert lines[-1]["result"]["readings"] == 1
        bad = await admin.post("/api/v1/import?progress=true&create=true", content=HEAD + ROW.replace(b"21.5", b"x"))
        last = json.loads(bad.text.splitlines()[-1])
        assert (last["error"]["code"], last["error"]["status"]) == ("bad_file", 422)


async def test_a_second_import_at_once_is_refused(tmp_path: Path) -> None:
    release = trio.Event()
    done: list[dict[str, Any]] = []

    async def slow() -> AsyncIterator[bytes]:
        yield HEAD
        await release.wait()
        yield ROW

    async with api_hub(tmp_path) as hub, hub.admin() as admin, trio.open_nursery() as nursery:
        importer = hub.api.importer
        assert importer is not None

        async def first() -> None:
            job = await importer.begin(slow(), ImportOptions(), may_create=True)
            done.append(await job.outcome())

        nursery.start_soon(first)
        await trio.testing.wait_all_tasks_blocked(0.01)
        is_refusal(await admin.post("/api/v1/import", content=HEAD + ROW), 409, "import_running")
        release.set()
        await until(lambda: done)
        assert done[0]["changed"] is True


async def test_a_disk_without_room_takes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with api_hub(tmp_path) as hub, hub.admin() as admin:
        usage = type("Usage", (), {"free": 1_000, "total": 100_000})
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
        said = is_refusal(await admin.post("/api/v1/import", content=HEAD + ROW * 100), 507, "no_room")
        assert "1,000 bytes" in said["message"]
        assert hub.parts.journal.position == 0


async def test_imported_frames_are_sound_to_the_protocol(tmp_path: Path) -> None:
    rows = b"".join(b"2023-11-14T22:13:20.%06dZ,%d,x%s\r\n" % (at, at, b"y" * 200) for at in range(3_000))
    async with api_hub(tmp_path) as hub:
        await imported(hub, b"time,temp,mode\r\n" + rows, device="pump", create="true")
        for row in await hub.parts.journal.read(0):
            body = msgpack.unpackb(row.body)
            assert len(row.body) <= 65_536
            assert len(body["v"]) <= 4_096
            assert (body["e"], body["s"], row.rejects) == (row.epoch, row.seq, None)
        assert row.arrived_us <= now_us()
