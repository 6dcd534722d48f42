"""Scenes of the shadow: what is desired is applied and reported, also where the hub went back; reports are numbered for good.

Owns these scenarios; scenes/__init__.py lists them in the order of the course. A client whose hello has no `shadow` takes none.
"""

from typing import Any

from devices.wire.messages import Reported
from simulators.conformance.scenario import Scenario
from simulators.conformance.stand import Stand
from simulators.conformance.talk import Talk
from simulators.conformance.verdict import Broken, NotApplicable

REPORT_S = 5.0


async def _shadowed(stand: Stand) -> Talk:
    talk = await stand.ready()
    if talk.hello.shadow is None:
        raise NotApplicable("hello has no shadow")
    return talk


async def _reported(stand: Stand, talk: Talk, version: int, document: dict[str, Any]) -> Reported:
    """Desire something; return the report of it."""
    before = len(stand.book.reports)
    await talk.say({"op": "desired", "version": version, "document": document})
    await talk.until(
        lambda: any(report.version == version or report.error for report in stand.book.reports[before:]),
        REPORT_S,
        f"a report that goes by version {version}",
    )
    highest = max((report.number for report in stand.book.reports[:before]), default=0)
    for report in stand.book.reports[before:]:
        if report.number <= highest:
            raise Broken(f"expected a report's number above {highest}; {report.number} came")
        highest = report.number
    return stand.book.reports[-1]


async def desired(stand: Stand) -> str:
    """Desire, desire something else, go back to an older version, desire nothing."""
    talk = await _shadowed(stand)
    numbers = []
    for version, document in (
        (1_000, {"lamp": True}),
        (2_000, {"lamp": False, "deep": {"a": [1, 2.5, "x"]}}),
        (500, {"lamp": True}),
        (0, {}),
    ):
        report = await _reported(stand, talk, version, document)
        if report.error is not None or report.version != version:
            raise Broken(f"expected version {version} to be applied; the report says {report.version}, error {report.error}")
        numbers.append(report.number)
    return f"versions 1000, 2000, 500 and 0 applied in turn; reports numbered {numbers[0]} to {numbers[-1]}"


async def kept(stand: Stand) -> str:
    """Look at hello after a cut and a reboot."""
    talk = await _shadowed(stand)
    await _reported(stand, talk, 3_000, {"lamp": True})
    number = stand.book.reports[-1].number
    for how in ("a cut", "a reboot"):
        if how == "a cut":
            talk.cut()
        else:
            await stand.reboot()
        talk = await stand.connect()
        state = talk.hello.shadow
        number = max(number, *(report.number for report in stand.book.reports))
        if state is None or state.version != 3_000 or state.reported < number:
            raise Broken(f"expected version 3000 and report {number} in hello after {how}; {state} came")
        await talk.count(3, REPORT_S)
    return "version and number of the last report said in hello after a cut and a reboot"


async def refused(stand: Stand) -> str:
    """Desire what it cannot do."""
    talk = await _shadowed(stand)
    report = await _reported(stand, talk, 4_000, {"refuse": True})
    if report.error is None:
        raise NotApplicable("it applied a document with `refuse`; one that cannot be applied is not known to this script")
    if report.version != 4_000:
        raise Broken(f"expected the error to name version 4000; {report.version} came")
    talk.cut()
    talk = await stand.connect()
    state = talk.hello.shadow
    if state is None or state.version != 0:
        raise Broken(f"expected version 0 in hello after what could not be applied; {state} came")
    await _reported(stand, talk, 5_000, {"lamp": True})
    return f"reported with the error {report.error!r:.60}; version 0 in hello, the next one applied"


async def counted(stand: Stand) -> str:
    """Welcome it with a lower number than its last report's, then with a higher one."""
    talk = await _shadowed(stand)
    number = (await _reported(stand, talk, 6_000, {"lamp": True})).number
    await talk.count(3, REPORT_S)
    talk.cut()
    before = len(stand.book.reports)
    talk = await stand.connect(reported=0)
    await talk.until(lambda: len(stand.book.reports) > before, REPORT_S, f"the report again: the hub lost number {number}")
    number = stand.book.reports[-1].number
    await talk.count(3, REPORT_S)
    talk.cut()
    before = len(stand.book.reports)
    ahead = number + 1_000_000
    talk = await stand.connect(reported=ahead)
    await talk.until(lambda: len(stand.book.reports) > before, REPORT_S, f"a report with a number above {ahead}, which the hub has")
    if stand.book.reports[-1].number <= ahead:
        raise Broken(f"expected a report's number above {ahead}, which the hub has; {stand.book.reports[-1].number} came")
    return "a report that the hub lost came again; a count that the device lost went on from the hub's"


SCENES = (
    Scenario("shadow", "8", "applies what is desired, a lower version too, and reports with rising numbers", desired),
    Scenario("shadow-kept", "8", "keeps what it applied and its last report", kept),
    Scenario("shadow-refused", "8", "reports what it could not apply, and takes it up again", refused),
    Scenario("shadow-counted", "8", "reports again what the hub lost, and goes on from the hub's number", counted),
)
