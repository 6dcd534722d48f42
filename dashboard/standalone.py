"""One HTML file that needs nothing else: plotly stands in it, nothing is loaded, and only the scripts that are named by their hash run.

Owns the head with its policy, and how a figure and a table stand in the page; what they show is report.py's and fleet_report.py's.
"""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any, Final

from dashboard.csp import style_hashes

_STATIC: Final = resources.files("dashboard") / "static"


def head_of(title: str) -> str:
    """Return everything before the body."""
    plotly = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    style, drawing = (_STATIC / "report.css").read_text(), (_STATIC / "report.js").read_text()
    scripts, styles = f"{_hash(plotly)} {_hash(drawing)}", " ".join([_hash(style), *(f"'{each}'" for each in style_hashes())])
    policy = f"default-src 'none'; script-src {scripts}; style-src {styles}; img-src data: blob:"
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="dark light">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n<script>{plotly}</script>\n<script>{drawing}</script>\n</head>\n"
    )


def figure_of_page(number: int, label: str, figure: Mapping[str, Any]) -> str:
    """Return a figure, as `to_plotly_json` gives it; `number` is its own in the page."""
    named = escape(label, quote=True)
    data = f'<script type="application/json" data-figure="figure-{number}">{_json(figure)}</script>\n'
    return f'<figure id="figure-{number}" role="img" aria-label="{named}"></figure>\n{data}'


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table; the cells are HTML already."""
    lines = ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>\n" for row in rows]
    names = "".join(f"<th>{cell}</th>" for cell in head)
    return f'<div class="table"><table>\n<thead><tr>{names}</tr></thead>\n<tbody>\n{"".join(lines)}</tbody>\n</table></div>\n'


def _json(figure: Mapping[str, Any]) -> str:
    """Return a figure for a script element, which a text in it cannot end; plotly keeps columns as bytes, all but empty ones."""
    text = json.dumps({"data": figure["data"], "layout": figure["layout"]}, default=list, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
