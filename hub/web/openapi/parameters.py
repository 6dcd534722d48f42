"""Parameters that several routes have, described once.

Owns their words, limits and examples. Used by the routes.
"""

from typing import Annotated, Final

from fastapi import Path, Query

MAX_PAGE: Final = 1_000  # entries of a page
DEFAULT_PAGE: Final = 100

DeviceName = Annotated[str, Path(description="Name of the device", examples=["greenhouse"])]
UserName = Annotated[str, Path(description="Name of the user", examples=["ann"])]
TokenName = Annotated[str, Path(description="Name of the API token", examples=["grafana"])]
RuleName = Annotated[str, Path(description="Name of the rule", examples=["too-hot"])]
AlertId = Annotated[str, Path(description="Id of the alert", examples=["6f1c0c8e2b7a4d55"])]
CommandId = Annotated[str, Path(description="Id of the command", examples=["0192f3a07c1e7b44"])]
SessionId = Annotated[str, Path(description="Id of the session, which is a secret", examples=["Zk3vJx0q6l8"])]
After = Annotated[int, Query(ge=0, lt=2**63, description="The `next` of the answer before: so far everything came", examples=[12])]
OfDevice = Annotated[str | None, Query(description="Only of this device", examples=["greenhouse"])]
Where = Annotated[str | None, Query(description="Only the devices that this tag expression means", examples=["floor=2 and not kind=test"])]
From = Annotated[str | None, Query(alias="from", description="Begin, RFC 3339 or µs since 1970", examples=["2026-11-21T08:00:00Z"])]
To = Annotated[str | None, Query(description="End, not included; now without it", examples=["2026-11-21T09:00:00Z"])]
Span = Annotated[float | None, Query(gt=0, le=1e10, description="Seconds back from the end, instead of `from`", examples=[3_600])]
Width = Annotated[str, Query(description="raw, or the width of buckets: 100ms, 1s, 10s, 1min, 10min, 1h, 1d", examples=["1min"])]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="The most entries to return", examples=[100])]
