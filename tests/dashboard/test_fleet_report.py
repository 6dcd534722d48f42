"""The page of a simulation's report: what stands in it, and that no name in it is more than a name."""

import re
from typing import Any

from dashboard.fleet_report import fleet_page
from tests.support.fleet_report import report_said


def text_of(said: dict[str, Any]) -> str:
    page = fleet_page(said)
    return page[page.index("<body>") :]


def test_a_clean_run_shows_its_counts_latencies_and_figures() -> None:
    text = text_of(report_said())
    assert "AUDIT CLEAN" in text
    assert 'class="note"' not in text
    assert len(re.findall(r"<figure ", text)) == 5
    assert "<td>storm</td><td>devices</td><td>100</td><td>3.0</td><td>5.0</td><td>7.5</td>" in text
    assert "<td>calm: due → acked</td>" in text


def test_what_differs_is_listed_with_everything_that_is_known() -> None:
    said = report_said()
    row = {"kind": "changed", "device": "d1", "channel": "air", "time_us": 7, "number": 4, "sent": 1.5, "found": 2, "where": "store"}
    said |= {"exit_code": 3, "verdict": "AUDIT FAILED", "different": 1, "differences": [row | {"epoch": 9, "seq": 5}]}
    text = text_of(said)
    assert '<p class="note">AUDIT FAILED</p>' in text
    assert "".join(f"<td>{cell}</td>" for cell in ("store", "changed", "d1", "air", 7, 4, 9, 5, 1.5, 2)) in text


def test_a_run_without_frames_faults_or_viewers_has_a_page_too() -> None:
    said = report_said()
    said |= {"timeline": [], "faults": [], "histograms": {name: [] for name in said["histograms"]}, "commands": {}}
    text = text_of(said)
    assert "<figure" not in text
    assert "Faults" not in text


def test_faults_of_clocks_are_told_and_shade_nothing() -> None:
    said = report_said()
    before = text_of(said).count('"type":"rect"')
    clock = {"kind": "clock-step", "amount": "by -20 h", "on": "devices", "devices": 9, "at_s": 1.0, "until_s": 9.0, "recovered_s": None}
    said["faults"].append(clock)
    text = text_of(said)
    assert before == text.count('"type":"rect"') > 0
    assert "<td>clock-step by -20 h</td><td>devices</td><td>9</td><td>1.0</td><td>9.0</td><td>-</td>" in text


def test_what_a_store_keeps_no_finer_is_said() -> None:
    said = report_said() | {"left_out": "compared as far as it goes"}
    assert "<p>Compared as far as it goes.</p>" in text_of(said)


def test_a_name_that_is_markup_is_shown_and_not_obeyed() -> None:
    said = report_said()
    nasty = "</script><script>window.done = 1</script>"
    said |= {"name": nasty, "verdict": nasty, "hub": nasty}
    said["phases"][0]["name"] = nasty
    assert nasty not in fleet_page(said)
