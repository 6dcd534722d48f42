"""Tests of dashboard/report.py: one file, nothing loaded, names that cannot become markup, figures that add up."""

import io
import json
import re
from datetime import UTC
from html.parser import HTMLParser
from typing import Any

import numpy as np

from dashboard.figures import Hole
from dashboard.report import MAX_HOLES, DeviceReport, ReportFile
from tests.support.lines import MINUTE, T, line

PAYLOAD = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def written(*devices: DeviceReport, title: str = "Report") -> str:
    out = io.StringIO()
    file = ReportFile(out, title, T, T + 100 * MINUTE, UTC)
    file.begin(["two facts"])
    for device in devices:
        file.add(device)
    file.end(T, "tributary 1")
    return out.getvalue()


class Elements(HTMLParser):
    """Counts what a browser would make of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def figures(text: str) -> list[dict[str, Any]]:
    return [json.loads(found) for found in re.findall(r'data-figure="[^"]+">(.*?)</script>', text)]


def cells(text: str) -> list[list[str]]:
    return [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", text) if "<td>" in row]


def test_nothing_is_loaded_and_only_the_scripts_of_the_file_run() -> None:
    text = written(DeviceReport("pump", [line([0, 1], [1, 2])]))
    policy = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)[0]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert not Elements(text).attributes & {"src", "href", "style", "onclick"}


def test_names_cannot_become_markup() -> None:
    bad = line([0, 1], [1, 2], channel=PAYLOAD, unit=PAYLOAD, last=[PAYLOAD, PAYLOAD])
    hole = Hole(T, T + MINUTE, PAYLOAD)
    plain = Elements(written(DeviceReport("pump", [line([0, 1], [1, 2])], [hole], ["note"])))
    nasty = Elements(written(DeviceReport(PAYLOAD, [bad], [hole], [PAYLOAD]), title=PAYLOAD))
    assert nasty.tags == plain.tags
    assert nasty.attributes == plain.attributes


def test_the_table_says_what_the_readings_were() -> None:
    measured = line([0, 1], [1.5, 4.5], spread=0.5, last=[2.0, 4.25])
    measured.count[:] = [1, 2]
    (row,) = cells(written(DeviceReport("pump", [measured])))
    assert row == ["temp", "°C", "1", "3.5", "5", "4.25", "3"]


def test_texts_places_and_states_have_a_row_each_and_numbers_their_figures() -> None:
    nothing = [float("nan")]
    lines = [
        line([0], nothing, kind="text", channel="note", unit="", last=["all well"]),
        line([0], [48.1], kind="position", channel="place", unit="", last=[[48.1, 11.5]]),
        line([0], [1.0], kind="state", channel="open", unit="", spread=0, last=[True]),
        line([0, 1], [0, 60], kind="counter", channel="count", unit="1"),
        line([0], [20.0]),
    ]
    text = written(DeviceReport("pump", lines))
    assert len(figures(text)) == 3
    rows = {row[0]: row[1:] for row in cells(text)}
    assert rows["note"][-2:] == ["all well", "1"]
    assert rows["place"][-2] == "48.1, 11.5"
    assert rows["open"][-2] == "on"
    assert rows["count"][2] == "\u2013"  # the mean of a counter says nothing


def test_channels_of_one_unit_share_a_figure() -> None:
    text = written(DeviceReport("pump", [line([0], [1.0]), line([0], [2.0], channel="b"), line([0], [2.0], channel="c", unit="V")]))
    assert [len(figure["data"]) for figure in figures(text)] == [4, 2]


def test_holes_are_listed_with_their_reason_and_bounded() -> None:
    holes = [Hole(T + at * MINUTE, T + (at + 1) * MINUTE, f"reason {at}") for at in range(MAX_HOLES + 5)]
    text = written(DeviceReport("pump", [line([0, 1], [1, 2])], holes))
    assert f"the first {MAX_HOLES} of {MAX_HOLES + 5}" in text
    assert len(figures(text)[0]["layout"]["shapes"]) == MAX_HOLES
    assert ["2023-11-14 22:13:00", "2023-11-14 22:14:00", "reason 0"] in cells(text)


def test_a_device_without_readings_says_so() -> None:
    assert "No readings in this time." in written(DeviceReport("pump", []))


def test_a_line_takes_about_130_kilobytes_at_most() -> None:
    full = line(list(range(2_000)), np.random.default_rng(1).normal(size=2_000).tolist())
    bare = len(written())
    assert len(written(DeviceReport("pump", [full]))) - bare < 160_000
