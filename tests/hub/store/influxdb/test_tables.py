"""What InfluxDB answers a query with, byte by byte, and what is no answer."""

import io

import pytest

from devices.wire.messages import Kind
from hub.core.records import Series
from hub.store.calls import AnswerTooLarge
from hub.store.influxdb.tables import Tables, read_tables, text_of

HEAD = ",result,table,_time,_value,_field,channel,device,kind,unit\r\n"


class Answer(io.BytesIO):
    """Bytes that are read as urllib3 has them read."""

    def read(self, amt: int | None = -1, decode_content: bool = True) -> bytes:
        return super().read(amt)


def tables(text: str, max_bytes: int = 1 << 20) -> Tables:
    return read_tables(Answer(text.encode()), max_bytes)


def test_tables_become_columns_by_series_and_field() -> None:
    found = tables(
        HEAD
        + ",raw,0,2026-01-01T00:00:00Z,1.5,num,temp,pump,gauge,Cel\r\n,raw,0,1969-12-31T23:59:59.999999999Z,2,num,temp,pump,gauge,Cel\r\n"
        + '\r\n,result,table,_time,_value,_field,channel,device,kind\r\n,raw,1,2026-01-01T00:00:00Z,7,exact,"a,""b""",pump,counter\r\n\r\n'
    ).of("raw")
    temp, odd = Series("pump", "temp", "Cel", Kind.GAUGE), Series("pump", 'a,"b"', "", Kind.COUNTER)
    assert found.keys() == {temp, odd}
    assert found[temp]["num"].t_ns().tolist() == [1_767_225_600 * 10**9, -1]
    assert found[temp]["num"].floats().tolist() == [1.5, 2.0]
    assert found[odd]["exact"].values == ["7"]


def test_rows_without_series_and_time_are_told_by_name() -> None:
    found = tables(",result,table,journal,_field,_value\r\n,cursor,0,j,position,7\r\n").rows["cursor"]
    assert (found[0]["journal"], found[0]["_value"]) == ("j", "7")


def test_nothing_is_an_answer() -> None:
    assert tables("\r\n").of("raw") == {}
    assert tables("").rows == {}


def test_points_of_somebody_else_are_left_out() -> None:
    lines = [",raw,0,2026-01-01T00:00:00Z,1,num,,pump,gauge,Cel", ",raw,1,2026-01-01T00:00:00Z,1,num,temp,pump,strange,Cel"]
    assert tables(HEAD + "\r\n".join(lines) + "\r\n").of("raw") == {}


def test_a_query_that_breaks_off_is_no_answer() -> None:
    with pytest.raises(ValueError, match="it broke off: out of memory"):
        tables(HEAD + ",raw,0,2026-01-01T00:00:00Z,1,num,t,p,gauge,\r\n\r\n,error,reference\r\n,out of memory,897\r\n")


@pytest.mark.parametrize("text", ["<html>hello</html>", "a,b,c\n1,2,3", "{}", "\0\0\0"])
def test_what_a_database_would_not_say_is_no_answer(text: str) -> None:
    with pytest.raises(ValueError, match="no answer to a query"):
        tables(text)


def test_an_answer_beyond_its_limit_is_given_up() -> None:
    with pytest.raises(AnswerTooLarge, match="longer than 200,000 bytes"):
        tables(HEAD + ",raw,0,2026-01-01T00:00:00Z,1,num,t,p,gauge,\r\n" * 10_000, 200_000)


def test_a_text_is_read_as_json() -> None:
    assert text_of('"a\\r\\n\\u0000\\"b"') == 'a\r\n\0"b'
    with pytest.raises(ValueError, match="is no text"):
        text_of("7")
