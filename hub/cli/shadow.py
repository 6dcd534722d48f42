"""`tributary shadow ...`: what a device is to be like, and what it says it is.

Owns what is printed and how a document is given as arguments. The hub keeps and checks it.
"""

import json
import sys
from typing import Annotated, Any, Final

import typer

from hub.cli.options import DataDirOption, JsonOption, ask_hub
from hub.cli.tables import show_table, time_text
from hub.core.errors import Refusal

DeviceArgument = Annotated[str, typer.Argument(metavar="DEVICE", help="The device's name.")]
VersionOption = Annotated[int | None, typer.Option("--version", help="Only if the desired document is at this version still.")]
WaitOption = Annotated[
    float, typer.Option("--wait", metavar="SECONDS", help="Wait until the device reports what is desired. Default: do not.")
]
_ABSENT: Final = object()


def add_to(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="shadow", help="See and change what devices are to be like.", no_args_is_help=True)
    group.command("show")(show)
    group.command("set")(set_values)
    group.command("replace")(replace)
    app.add_typer(group)


def show(device: DeviceArgument, data_dir: DataDirOption = None, as_json: JsonOption = False) -> None:
    """Show what is desired of a device and what it reported, key by key."""
    from hub.client import shadow

    said = ask_hub(data_dir, lambda client: shadow.shadow(client, device))
    if as_json:
        typer.echo(json.dumps(said, indent=2))
        return
    desired, reported = said["desired"], said["reported"]
    typer.echo(f"desired:  {_of(desired)}" + (f" by {desired['by']}" if desired.get("by") else ""))
    typer.echo(f"reported: {_of(reported)}" + (f", and says: {reported['error']}" if reported.get("error") else ""))
    typer.echo(f"in step:  {'yes' if said['is_in_step'] else 'no'}")
    if said["takes_shadow"] is False:
        typer.echo("the device's program takes no shadow")
    wanted, known, apart = (dict(_leaves(each)) for each in (desired["document"], reported["document"], said["delta"]))
    rows = [(key, _text(wanted, key), _text(known, key), "*" if key in apart else "") for key in sorted({*wanted, *known})]
    if rows:
        show_table(("key", "desired", "reported", ""), rows)


def set_values(
    device: DeviceArgument,
    values: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="a.b=5 is {a: {b: 5}}; VALUE is JSON, or else text.")
    ] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", metavar="KEY", help="A key that is to go; repeatable.")] = None,
    version: VersionOption = None,
    wait_s: WaitOption = 0.0,
    data_dir: DataDirOption = None,
) -> None:
    """Change some keys of what is desired of a device; print its version."""
    from hub.client import HubClient, shadow

    patch: dict[str, Any] = {}
    for text in values or ():
        key, is_given, value = text.partition("=")
        if not is_given:
            raise Refusal("bad_usage", f"{text[:64]!r} has no =", "give KEY=VALUE, as in interval_s=5")
        _put(patch, key, _value(value))
    for key in remove or ():
        _put(patch, key, None)
    if not patch:
        raise Refusal("bad_usage", "nothing to change is given", "give KEY=VALUE, or --remove KEY")

    async def change(client: HubClient) -> dict[str, Any]:
        said = await shadow.merge(client, device, patch, version)
        return await shadow.in_step(client, device, wait_s) if wait_s else said

    _tell(device, ask_hub(data_dir, change))


def replace(
    device: DeviceArgument,
    version: Annotated[int, typer.Option("--version", help="The version it takes the place of; 0: there is none yet.")],
    data_dir: DataDirOption = None,
) -> None:
    """Replace the whole of what is desired of a device by the JSON object on standard input; print its version."""
    from hub.client import shadow

    try:
        document = json.loads(sys.stdin.read())
    except ValueError as error:
        raise Refusal("bad_usage", f"standard input is not JSON: {error}", 'give an object, as in {"interval_s": 5}') from None
    if not isinstance(document, dict):
        raise Refusal("bad_usage", "standard input is not a JSON object", 'give an object, as in {"interval_s": 5}')
    _tell(device, ask_hub(data_dir, lambda client: shadow.replace(client, device, document, version)))


def _tell(device: str, said: dict[str, Any]) -> None:
    step = "in step" if said["is_in_step"] else "not in step yet"
    typer.echo(f"the desired document of {device} is at version {said['desired']['version']}; the device is {step}", err=True)


def _of(part: dict[str, Any]) -> str:
    return f"version {part['version']}, {time_text(part['at_us'])}" if part.get("at_us") else "nothing"


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _put(patch: dict[str, Any], path: str, value: Any) -> None:
    *groups, last = path.split(".")
    place = patch
    for group in groups:
        inner = place.setdefault(group, {})
        if not isinstance(inner, dict):
            raise Refusal("bad_usage", f"{path} is given as a value and as a group", "give one of them")
        place = inner
    place[last] = value


def _leaves(document: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    leaves: list[tuple[str, Any]] = []
    for key, value in document.items():
        leaves += _leaves(value, f"{before}{key}.") if isinstance(value, dict) and value else [(before + key, value)]
    return leaves


def _text(values: dict[str, Any], key: str) -> str:
    value = values.get(key, _ABSENT)
    return "" if value is _ABSENT else json.dumps(value, ensure_ascii=False)
