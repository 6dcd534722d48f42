"""The options that say what the columns of a file of readings mean: the same for `tributary import` and `tributary replay`.

Owns their names and help texts; hub.core.exchange.options checks what is said (docs/exchange.md).
"""

from pathlib import Path
from typing import Annotated

import typer

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="CSV or Parquet; docs/exchange.md says which columns.")]
DeviceOption = Annotated[str | None, typer.Option("--device", metavar="NAME", help="Whose readings these are, of every row.")]
DeviceColumnOption = Annotated[str | None, typer.Option("--device-column", metavar="COLUMN", help="Or the column that says it.")]
ChannelOption = Annotated[str | None, typer.Option("--channel", metavar="NAME", help="Channel of every row.")]
ChannelColumnOption = Annotated[str | None, typer.Option("--channel-column", metavar="COLUMN", help="Or the column that says it.")]
ValueColumnOption = Annotated[
    str | None, typer.Option("--value-column", metavar="COLUMN", help="Column of the values; without one each column is a channel.")
]
UnitOption = Annotated[str | None, typer.Option("--unit", metavar="UNIT", help="Unit of what has none in the file, as Cel.")]
KindOption = Annotated[
    str | None, typer.Option("--kind", metavar="KIND", help="gauge, counter, state, text, position. Default: by the first value.")
]
TimeColumnOption = Annotated[str | None, typer.Option("--time-column", metavar="COLUMN", help="Column of the times.")]
TimeFormatOption = Annotated[str, typer.Option("--time-format", metavar="FORMAT", help="rfc3339, or s, ms, us, ns since 1970.")]
TimeZoneOption = Annotated[str | None, typer.Option("--tz", metavar="ZONE", help="Zone of times without an offset.")]
DelimiterOption = Annotated[str, typer.Option("--delimiter", metavar="WORD", help="comma, semicolon, tab or pipe.")]
DecimalOption = Annotated[str, typer.Option("--decimal", metavar="WORD", help="point, or comma: 21,5.")]
SkipOption = Annotated[list[str] | None, typer.Option("--skip", metavar="TEXT", help="Stands for no value; may be repeated.")]
FormatOption = Annotated[str | None, typer.Option("--format", metavar="FORMAT", help="csv or parquet. Default: what it looks like.")]
