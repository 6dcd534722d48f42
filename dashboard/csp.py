"""The Content-Security-Policy of the page: nothing but the hub's own files, and the two style elements that plotly makes itself.

Owns the policy's text; computes what it must from the installed plotly, so that an upgrade of it needs no change here. main.py
hands it to the HTTP app; a browser test holds that nothing on the page breaks it.
"""

import base64
import hashlib
import re
from functools import cache
from importlib import resources
from typing import Final

# plotly makes one style element with an empty text node and fills it by insertRule; another has its text in the source:
# e.textContent='...'.
_EMPTY: Final = ""
_STYLE_TEXT: Final = re.compile(r'createElement\("style"\);\w+\.id="[0-9a-f]+",\w+\.textContent=(\'(?:[^\'\\]|\\.)*\'|"(?:[^"\\]|\\.)*")')


class PlotlyChanged(Exception):
    """The installed plotly makes its style elements in a way this hub does not know: install the pinned version."""


@cache
def style_hashes() -> tuple[str, ...]:
    """Return the CSP sources of the style elements that the installed plotly.min.js makes. Raises PlotlyChanged."""
    source = (resources.files("plotly") / "package_data" / "plotly.min.js").read_text(encoding="utf-8")
    found = [_unquoted(match.group(1)) for match in _STYLE_TEXT.finditer(source)]
    if not found or source.count('createElement("style")') != len(found) + 1:
        raise PlotlyChanged("plotly.min.js of the installed plotly has other style elements; install the version that is pinned")
    return tuple(_hash(text) for text in (_EMPTY, *found))


def content_security_policy() -> str:
    """Return the header's value."""
    styles = " ".join(f"'{each}'" for each in style_hashes())
    return (
        f"default-src 'self'; style-src 'self' {styles}; img-src 'self' data: blob:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _unquoted(literal: str) -> str:
    """Return the value of a JavaScript string literal, with the escapes that minifiers write."""
    return re.sub(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", _escape, literal[1:-1], flags=re.DOTALL)


def _escape(match: re.Match[str]) -> str:
    code = match.group(1)
    if code[0] in "ux" and len(code) > 1:
        return chr(int(code[1:], 16))
    return {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\n": ""}.get(code, code)
