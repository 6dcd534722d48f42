"""The report of a simulation as one HTML file: verdict, latencies, figures over the time of the run with its faults, differences.

Owns the page and its figures; the values are those of the report's JSON (docs/simulators.md), passed in. `tributary simulate --html`
writes it.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Any, Final

import plotly.graph_objects as go

from dashboard.standalone import figure_of_page, head_of, table_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS: Final = {
    "ack": "due → acked",
    "seen": "due → viewer",
    "late": "due → given to the client (the simulator's own delay)",
    "away": "connection lost → acked again",
    "dark": "a viewer's connection lost → shown again",
}
_PARTS: Final = ("p50", "p90", "p99", "p99.9", "max")
_COLOURS: Final = ("#2b98a0", "#d07a2a", "#5b78dd", "#c9506e")  # seen on a light and on a dark ground
_MAX_FAULTS: Final = 200
Said = Mapping[str, Any]


def fleet_page(said: Said) -> str:
    """Return the page of a report, as its JSON has it."""
    figures = [figure for figure in (_throughput(said), _states(said), _latency(said), _percentiles(said), _histogram(said)) if figure]
    drawn = "".join(figure_of_page(at, label, figure.to_plotly_json()) for at, (label, figure) in enumerate(figures, 1))
    began = (_EPOCH + timedelta(microseconds=said["started_us"])).strftime("%Y-%m-%d %H:%M:%S UTC")
    facts = (
        f"{said['devices']:,} devices and {said['viewers']:,} viewers in {said['workers']:,} processes against {said['hub']} "
        f"({said['version']}, {said['store']}), {said['seconds']:,.0f} s from {began}, seed {said['seed']}"
    )
    left_out = f"<p>{escape(said['left_out'].capitalize())}.</p>\n" if said["left_out"] else ""
    note = "" if said["exit_code"] == 0 else ' class="note"'
    return "".join(
        [
            head_of(f"Simulation: {said['name']}"),
            f"<body>\n<header>\n<h1>{escape(said['name'])}</h1>\n<p>{escape(facts)}</p>\n</header>\n<main>\n",
            f"<section>\n<h2>Verdict</h2>\n<p{note}>{escape(said['verdict'])}</p>\n{_counts(said)}{left_out}{_differences(said)}</section>\n",
            f"<section>\n<h2>Latency in ms</h2>\n{_latencies(said)}</section>\n",
            f"<section>\n<h2>Over time</h2>\n{drawn}</section>\n" if drawn else "",
            f"<section>\n<h2>Faults</h2>\n{_faults(said)}</section>\n" if said["faults"] else "",
            "</main>\n</body>\n</html>\n",
        ]
    )


def _counts(said: Said) -> str:
    frames, stored, shown = said["frames"], said["stored"], said["shown"]
    rows = [
        ("frames sent", frames["sent"]),
        ("frames acked", frames["acked"]),
        ("connections", frames["connects"]),
        ("readings made", stored["made"]),
        ("stored once and as sent", stored["stored"]),
        *((name.replace("_", " "), count) for name, count in stored["excused"].items()),
        ("never promised", stored["uncertain"]),
        ("readings shown to viewers", shown.get("shown", 0)),
        ("readings that differ", said["different"]),
    ]
    if said["commands"]:
        rows += [("commands sent", said["commands"]["sent"])]
        rows += [(f"commands {state}", count) for state, count in sorted(said["commands"]["ended"].items())]
        rows += [("commands not as promised", len(said["commands"]["wrong"]))]
    return table_of(("what", "how many"), [(escape(name), f"{count:,}") for name, count in rows])


def _differences(said: Said) -> str:
    wrong = [(escape(each),) for each in said["commands"].get("wrong", ())[:100]]
    head = ("where", "kind", "device", "channel", "time (µs)", "frame", "epoch", "seq", "sent", "found")
    names = ("where", "kind", "device", "channel", "time_us", "number", "epoch", "seq", "sent", "found")
    rows = [tuple(escape(str(each[name])) if each[name] is not None else "-" for name in names) for each in said["differences"]]
    differing = f"<h3>The first readings that differ</h3>\n{table_of(head, rows)}" if rows else ""
    return differing + (f"<h3>Commands</h3>\n{table_of(('not as promised',), wrong)}" if wrong else "")


def _latencies(said: Said) -> str:
    rows = [(_WORDS[name], summary) for name, summary in said["latency_ms"].items()]
    for phase in said["phases"] if len(said["phases"]) > 1 else ():
        rows += [(f"{phase['name']}: {_WORDS[name]}", phase[f"{name}_ms"]) for name in ("ack", "seen")]
    if said["commands"]:
        rows.append(("command due → taken by the hub", said["commands"]["answer_ms"]))
    cells = [(escape(name), *(f"{each[part]:,.1f}" for part in _PARTS), f"{each['count']:,}") for name, each in rows if each["count"]]
    return table_of(("", *_PARTS, "count"), cells)


def _faults(said: Said) -> str:
    rows = []
    for fault in said["faults"][:_MAX_FAULTS]:
        again = "-" if fault["recovered_s"] is None else f"{fault['recovered_s']:,.1f}"
        rows.append(
            (
                escape(f"{fault['kind']} {fault['amount']}".strip()),
                escape(fault["on"]),
                f"{fault['devices']:,}",
                f"{fault['at_s']:,.1f}",
                f"{fault['until_s']:,.1f}",
                again,
            )
        )
    return table_of(("fault", "on", "devices hit", "from (s)", "to (s)", "all stream again after (s)"), rows)


def _over_time(said: Said, lines: Sequence[tuple[str, str]], title: str, *, is_log: bool = False) -> tuple[str, go.Figure] | None:
    """Draw columns of the timeline, given as (name, column), with the faults as bands."""
    times = [tick["t"] for tick in said["timeline"]]
    columns = [(name, [tick[column] for tick in said["timeline"]]) for name, column in lines]
    columns = [(name, values) for name, values in columns if any(values)]
    if not columns:
        return None
    figure = _figure(title, "seconds", "log" if is_log else "linear")
    for (name, values), colour in zip(columns, _COLOURS, strict=False):
        figure.add_trace(go.Scatter(x=times, y=values, name=name, mode="lines", line={"color": colour, "width": 1.5}))
    for fault in [each for each in said["faults"] if not each["kind"].startswith("clock-")][:_MAX_FAULTS]:  # clocks break no connection
        band = {"x0": fault["at_s"], "x1": max(fault["until_s"], fault["at_s"] + 0.2), "y0": 0, "y1": 1, "xref": "x", "yref": "paper"}
        figure.add_shape(type="rect", line_width=0, fillcolor="#888", opacity=0.25, layer="below", **band)
    return f"{title}: {', '.join(name for name, _ in columns)} over time", figure


def _throughput(said: Said) -> tuple[str, go.Figure] | None:
    return _over_time(said, (("frames sent", "sent"), ("frames acked", "acked"), ("readings shown", "points")), "a second")


def _states(said: Said) -> tuple[str, go.Figure] | None:
    lines = (("devices connected", "connected"), ("frames on spools", "spooled"), ("in flight", "in_flight"), ("viewers", "viewers"))
    return _over_time(said, lines, "now")


def _latency(said: Said) -> tuple[str, go.Figure] | None:
    lines = ((f"{_WORDS[name]} {part}", f"{name}_{part}") for name in ("ack", "seen") for part in ("p50", "p99"))
    return _over_time(said, tuple(lines), "ms", is_log=True)


def _percentiles(said: Said) -> tuple[str, go.Figure] | None:
    """Draw how large a latency is that so many of all are below: the axis of HdrHistogram, one step for each nine."""
    figure = _figure("ms", "1 of so many is slower", "log")
    figure.update_layout(xaxis_type="log")
    for name, colour in zip(("ack", "seen"), _COLOURS, strict=False):
        total, below, xs, ys = sum(count for _, _, count in said["histograms"][name]), 0, [], []
        for _, high, count in said["histograms"][name]:
            below += count
            xs.append(total / max(1, total - below))
            ys.append(high)
        if xs:
            figure.add_trace(go.Scatter(x=xs, y=ys, name=_WORDS[name], mode="lines", line={"color": colour, "shape": "hv"}))
    return ("Latency by percentile", figure) if figure.data else None


def _histogram(said: Said) -> tuple[str, go.Figure] | None:
    figure = _figure("how many", "ms", "log")
    figure.update_layout(xaxis_type="log", barmode="overlay")
    for name, colour in zip(("ack", "seen"), _COLOURS, strict=False):
        rows = said["histograms"][name]
        if rows:
            centres, widths = [(low + high) / 2 for low, high, _ in rows], [high - low for low, high, _ in rows]
            bars = go.Bar(x=centres, width=widths, y=[count for _, _, count in rows], name=_WORDS[name], opacity=0.7)
            figure.add_trace(bars.update(marker={"color": colour, "line": {"width": 0}}))
    return ("Histogram of latencies", figure) if figure.data else None


def _figure(y: str, x: str, kind: str) -> go.Figure:
    figure = go.Figure(layout={"template": go.layout.Template()})  # not plotly's own, which is 7 KB
    figure.update_layout(
        margin={"l": 64, "r": 16, "t": 34, "b": 44}, height=280, hovermode="x unified", showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        xaxis={"title": {"text": x}}, yaxis={"title": {"text": y}, "type": kind, "rangemode": "tozero"},
    )  # fmt: skip
    return figure
