"""Files checked and made into frames: what was exported comes back the same to the point, and other people's files are understood."""

import time
from pathlib import Path

import duckdb
import msgpack
import pytest
from hypothesis import HealthCheck, given, settings

from hub.core.columns import columns_of as columns_of_rows
from hub.core.errors import Refusal
from hub.core.exchange.checking import Checked, check, stored_frames
from hub.core.exchange.csv_output import CsvOutput
from hub.core.exchange.options import ImportOptions
from hub.core.exchange.parquet_output import ParquetOutput
from hub.core.records import Columns, Row, RowKind
from tests.support.exchanged import MODE, PAYLOADS, T_NS, TEMP, Reading, columns_of, readings_in, some_readings

PLAIN = ImportOptions()
Output = type[CsvOutput] | type[ParquetOutput]


def checked(folder: Path, content: bytes, options: ImportOptions = PLAIN) -> tuple[Checked, Columns]:
    """Check a file; return what was found and its readings as the history store would get them."""
    (folder / "file").write_bytes(content)
    found = check(folder / "file", folder / "frames", b"hash", options.checked(), time.time_ns() // 1_000, 0, lambda readings: None)
    channels = {device.epoch: tuple(device.channels) for device in found.devices}
    rows = []
    for frame in stored_frames(folder / "frames", found.devices):
        body = msgpack.unpackb(frame.body)
        assert (body["s"], len(body["v"])) == (frame.seq, frame.readings)
        rows.append(Row(0, frame.device, body["e"], frame.seq, RowKind.DATA, 0, frame.body, None))
    assert sum(device.frames for device in found.devices) == len(rows)
    return found, columns_of_rows(rows, lambda device, epoch: channels[epoch])


def written(output: CsvOutput | ParquetOutput, readings: list[Reading]) -> bytes:
    return output.begin(is_raw=True) + output.readings(columns_of(readings)) + output.finish()


@pytest.mark.parametrize("output", [CsvOutput, ParquetOutput])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(readings=some_readings())
def test_readings_of_every_kind_come_back_the_same(tmp_path: Path, output: Output, readings: list[Reading]) -> None:
    found, columns = checked(tmp_path, written(output(), readings))
    assert readings_in(columns) == readings_in(columns_of(readings))
    assert found.readings == len(readings)


@pytest.mark.parametrize("output", [CsvOutput, ParquetOutput])
def test_texts_that_would_run_in_a_spreadsheet_read_back_equal(tmp_path: Path, output: Output) -> None:
    readings: list[Reading] = [(MODE, T_NS + at, text) for at, text in enumerate(PAYLOADS)]
    _, columns = checked(tmp_path, written(output(), readings))
    assert readings_in(columns) == readings_in(columns_of(readings))
    assert len(PAYLOADS) >= 40


def test_the_same_file_gives_the_same_frames(tmp_path: Path) -> None:
    content = written(CsvOutput(), [(TEMP, T_NS + at * 777, at * 1.5) for at in range(3_000)])
    checked(tmp_path, content)
    before = (tmp_path / "frames").read_bytes()
    checked(tmp_path, content)
    assert (tmp_path / "frames").read_bytes() == before


def values_of(columns: Columns) -> list[tuple[str, str, str, str]]:
    return [(series.device, series.channel, series.kind.value, value) for series, _, value in readings_in(columns)]


def test_a_wide_file_has_a_channel_for_each_column(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbfTimestamp,temperature,door,mode\n2024-03-01 08:00:00,21.5,true,idle\n2024-03-01 08:00:01,,false,run\n"
    found, columns = checked(tmp_path, content, ImportOptions(device="kiln", zone="Europe/Berlin", unit="Cel"))
    assert values_of(columns) == [
        ("kiln", "door", "state", "True"), ("kiln", "door", "state", "False"), ("kiln", "mode", "text", "'idle'"),
        ("kiln", "mode", "text", "'run'"), ("kiln", "temperature", "gauge", "21.5"),
    ]  # fmt: skip
    assert (found.devices[0].first_us, found.without_value) == (1_709_276_400_000_000, 1)


def test_home_assistant_history_is_understood(tmp_path: Path) -> None:
    content = (
        b"entity_id,state,last_changed\r\nsensor.attic,19.4,2024-03-01T08:00:00.123Z\r\nsensor.attic,unavailable,2024-03-01T08:01:00.000Z\r\n"
        b"light.hall,on,2024-03-01T08:00:00.000Z\r\n"
    )
    found, columns = checked(tmp_path, content, ImportOptions(device="home"))
    assert values_of(columns) == [("home", "light.hall", "text", "'on'"), ("home", "sensor.attic", "gauge", "19.4")]
    assert found.without_value == 1


def test_annotated_csv_of_influxdb_is_understood(tmp_path: Path) -> None:
    table = (
        b"#group,false,false,true,true,false,false,true,true,true\r\n#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,"
        b"dateTime:RFC3339,double,string,string,string\r\n#default,_result,,,,,,,,\r\n"
        b",result,table,_start,_stop,_time,_value,_field,_measurement,host\r\n"
        b",,0,2024-03-01T00:00:00Z,2024-03-02T00:00:00Z,2024-03-01T08:00:00.123456789Z,1.5,load,cpu,box-1\r\n\r\n"
    )
    found, columns = checked(tmp_path, table + table.replace(b",load,", b",idle,"), ImportOptions(device_column="host"))
    assert values_of(columns) == [("box-1", "idle", "gauge", "1.5"), ("box-1", "load", "gauge", "1.5")]
    assert set(columns.t_ns.tolist()) == {1_709_280_000_123_456_789}
    assert "_measurement" in found.ignored_columns


def test_numbers_with_a_comma_are_read_where_that_is_said(tmp_path: Path) -> None:
    options = ImportOptions(device="kiln", delimiter="semicolon", decimal="comma", time_format="ms")
    _, columns = checked(tmp_path, b"ts;temp\n1709280000123;21,5\n1709280000124;-3\n", options)
    assert values_of(columns) == [("kiln", "temp", "gauge", "21.5"), ("kiln", "temp", "gauge", "-3")]
    assert columns.t_ns[0] // 1_000 == 1_709_280_000_123_000


def test_a_parquet_file_of_others_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "other.parquet"
    query = "SELECT TIMESTAMPTZ '2024-03-01 08:00:00+00' AS time, 21.5::FLOAT AS temp, 7 AS count, true AS door"
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    _, columns = checked(tmp_path, path.read_bytes(), ImportOptions(device="kiln"))
    assert values_of(columns) == [("kiln", "count", "gauge", "7"), ("kiln", "door", "state", "True"), ("kiln", "temp", "gauge", "21.5")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1 AS temp", "no column is named as a time"),
        ("SELECT TIMESTAMPTZ '2024-03-01 08:00:00+00' AS time, [1, 2] AS temp", "holds INTEGER\\[\\]"),
        ("SELECT TIMESTAMP '2024-03-01 08:00:00' AS time, 1 AS temp", "row 1, column time.*has no offset"),
        ("SELECT 1709280000 AS time, 1 AS temp", "row 1, column time.*is a number"),
        (
            "SELECT TIMESTAMPTZ '2024-03-01 08:00:00+00' AS time, unnest(['1', 'warm']) AS temp",
            "row 2, column temp: 'warm' is no number",
        ),
        ("SELECT TIMESTAMPTZ '2024-03-01 08:00:00+00' AS time, 'inf'::DOUBLE AS temp", "row 1, column temp.*finite"),
        ("SELECT NULL::TIMESTAMPTZ AS time, 1 AS temp", "row 1, column time"),
    ],
)
def test_a_parquet_file_with_wrong_columns_is_refused_by_row_and_column(tmp_path: Path, query: str, words: str) -> None:
    path = tmp_path / "other.parquet"
    duckdb.execute(f"COPY ({query}) TO '{path}' (FORMAT parquet)")
    with pytest.raises(Refusal, match=words):
        checked(tmp_path, path.read_bytes(), ImportOptions(device="kiln"))


def test_a_parquet_file_cut_anywhere_is_refused(tmp_path: Path) -> None:
    content = written(ParquetOutput(), [(TEMP, T_NS + at, 1.5) for at in range(50)])
    for length in range(0, len(content), 37):
        with pytest.raises(Refusal):
            checked(tmp_path, content[:length])
