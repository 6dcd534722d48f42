"""Two hundred names and texts that somebody who means harm would give: markup, scripts, template marks, bidi and invisible characters, SQL,
names of what every JavaScript object has; and what of them fits into a field.

Owns the list; knows no field. Used by tests/browser.
"""

from collections.abc import Iterable, Iterator
from typing import Final

_SIGNS: Final = (
    "<img src=x onerror=pwned()>",
    "<script>pwned()</script>",
    "<svg onload=pwned()>",
    "<b>fat</b>",
    "<i>thin<br>er</i>",
    "<a href='javascript:pwned()'>go</a>",
    "</span></div></main>",
    "<!-- gone",
    "]]><![CDATA[",
    "&lt;i&gt; &amp; &#x41; &nbsp;",
    "<style>*{display:none}</style>",
    "<iframe src=//evil.example>",
    "<math><mi xlink:href=javascript:pwned()>",
    "javascript:pwned()",
    "data:text/html,<script>pwned()</script>",
    "%{x} %{y:.2f} %{customdata[0]}",
    "%{fullData.name}<extra></extra>",
    "{{constructor.constructor('pwned()')()}}",
    "${pwned()} #{pwned()} <%= pwned() %>",
    "{0} {name} %s %d %n",
    "$temp $1 $& $$",
    "'; DROP TABLE devices; --",
    '" OR ""="',
    "\"'`\u00b4\u2019",
    "back\\slash \\u0041 \\n \\",
    "../../etc/passwd",
    "a/b?c=d&e#f",
    "#/devices/pump?range=1h",
    "%F0%9F %00 %2e%2e",
    "=HYPERLINK(1)",
    "\u202egnirts desrever\u202c",
    "\u2067isolated \u202bembedded",
    "\u200b\u200czero\u200d\u2060width\ufeff",
    "a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309",
    "👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪 👍🏽",
    "العربية עברית हिन्दी ไทย 漢字",
    "\ufb00 ß \u0130 \u0131 \u01c4 \u03a3\u03c2",
    "\u00a0\u2003wide\u3000blanks\u2028line\u2029para",
    "null",
    "undefined",
    "NaN",
    "true",
    "__proto__",
    "constructor",
    "prototype",
    "hasOwnProperty",
    "toString",
    "valueOf",
    "[object Object]",
    "long" * 60,
    "a word " * 30,
)
_CONTROLS: Final = ("\x00nul", "\x1b[31mred\x1b[0m", "\x07\x08bell", "one\ntwo\r\nthree\tfour", "\x7f\x85\x9f")
_FORMS: Final = ("{}", "{} {{{{x}}}} 1", "“{}”", "{} · {}")
HOSTILE: Final = tuple(form.replace("{}", sign) for form in _FORMS for sign in _SIGNS)[:200]


def is_control(letter: str) -> bool:
    """Tell whether a character is one that is not to be seen."""
    return letter < " " or "\x7f" <= letter <= "\x9f"


def fitting(
    *,
    characters: int | None = None,
    size_bytes: int | None = None,
    without: str = "",
    may_have_controls: bool = False,
    is_trimmed: bool = True,
) -> list[str]:
    """Return those of the texts that a field takes: cut to its length, without such that hold a character of `without`."""
    found = []
    for text in (*HOSTILE, *_CONTROLS) if may_have_controls else HOSTILE:
        short = text[:characters]
        if size_bytes is not None:
            short = short.encode()[:size_bytes].decode(errors="ignore")
        short = short.strip() if is_trimmed else short
        if short and short not in found and not any(letter in short for letter in without):
            found.append(short)
    return found


def packed(texts: Iterable[str], size_bytes: int, between: str = " | ") -> Iterator[str]:
    """Yield the texts, as many together as fit."""
    together = ""
    for text in texts:
        more = f"{together}{between}{text}" if together else text
        if together and len(more.encode()) > size_bytes:
            yield together
            more = text
        together = more
    if together:
        yield together


# Each sign by itself, which may be a name that something has, and all that is made of it, many together.
TOGETHER: Final = (*_SIGNS, *packed(HOSTILE[len(_SIGNS) :], 1_000))
