"""InfluxDB as doctor sees it: reachable, token, bucket, what it keeps, its clock, whether it syncs; and the set-up of the bucket.

Owns the sentences and the order of the looks. A retention is shortened only where nothing is older: no reading is deleted from here.
Made by hub/stores.py.
"""

from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

from hub.ports import Now, Retention, StoreUnavailable
from hub.store.checkup import Remark
from hub.store.influxdb.asking import Asking
from hub.store.influxdb.bucket import Bucket, BucketDesk, database_of, days_shown, keeps_s, shown

_MAX_SKEW_S: Final = 5.0
_FIX: Final = "run `tributary doctor --fix`"
_MAY_MAKE: Final = "use a token that may manage buckets, once: TRIBUTARY_STORE_TOKEN=... tributary doctor --fix"


class InfluxDBCheckup:
    """A Checkup of one bucket."""

    def __init__(self, url: str, org: str, bucket: str, token: str | None, retention: Retention, now: Now) -> None:
        self._place = (url, org, bucket, token)
        self._shown = shown(org, bucket)
        self._raw_days = retention.raw_days
        self._now = now

    async def look(self) -> list[Remark]:
        """Return what is found."""
        remarks: list[Remark] = []
        desk = BucketDesk(*self._place)
        try:
            await self._look(desk, remarks)
        except StoreUnavailable as error:
            remarks.append(Remark("fail", str(error)))
        finally:
            await desk.aclose()
        return remarks

    async def _look(self, desk: BucketDesk, remarks: list[Remark]) -> None:
        url, _, _, token = self._place
        version, date = await desk.health()
        number = version.removeprefix("v")
        if not number.startswith("2."):
            remarks.append(Remark("fail", f"what answers at {url} is no InfluxDB 2 but {version[:40]!r}", "name an InfluxDB 2 in store"))
            return
        remarks.append(Remark("ok", f"InfluxDB {number[:40]} answers at {url}"))
        if token is None:
            remarks.append(Remark("fail", "store_token is not set", f"set it to an API token that may read and write {self._shown}"))
            return
        remarks += self._of_clock(date)
        bucket = await desk.look()
        if bucket is None:
            remarks.append(Remark("fail", f"there is no {self._shown}, or the token may not see it", f"{_FIX}, or correct store"))
            return
        await desk.may_write()
        await self._may_read()
        remarks.append(Remark("ok", f"the token may read and write {self._shown}"))
        remarks.append(self._of_retention(bucket))
        with suppress(StoreUnavailable):  # only an operator's token is told
            remarks += _of_syncing(await desk.settings())

    async def _may_read(self) -> None:
        url, org, bucket, token = self._place
        asking = Asking(database_of(url, org, bucket), org, bucket, token)
        try:
            await asking.cursors()
        finally:
            await asking.aclose()

    def _of_clock(self, date: str) -> list[Remark]:
        try:
            skew_s = self._now() / 1e6 - parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            return []
        if abs(skew_s) <= _MAX_SKEW_S:
            return [Remark("ok", "its clock agrees with this machine's")]
        order = "behind" if skew_s > 0 else "ahead of"
        return [Remark("warn", f"its clock is {abs(skew_s):,.0f} s {order} this machine's", "let both follow NTP")]

    def _of_retention(self, bucket: Bucket) -> Remark:
        wanted_s = keeps_s(self._raw_days)
        if bucket.keeps_s == wanted_s:
            return Remark("ok", f"the bucket keeps {days_shown(wanted_s)}, as keep_raw_days says")
        return Remark("warn", f"the bucket keeps {days_shown(bucket.keeps_s)}, keep_raw_days = {self._raw_days:g}", f"{_FIX} to set it")

    async def fix(self) -> list[Remark]:
        """Make the bucket where there is none, and have it keep what keep_raw_days says."""
        desk = BucketDesk(*self._place)
        try:
            bucket = await desk.look()
            if bucket is None:
                made = await desk.make(self._raw_days)
                return [Remark("ok", f"made {self._shown}, which keeps {days_shown(made.keeps_s)}")]
            if bucket.keeps_s == keeps_s(self._raw_days):
                return []
            return [await self._retained(desk, bucket)]
        except StoreUnavailable as error:
            return [Remark("fail", str(error), _MAY_MAKE)]
        finally:
            await desk.aclose()

    async def _retained(self, desk: BucketDesk, bucket: Bucket) -> Remark:
        wanted_s = keeps_s(self._raw_days)
        is_shorter = wanted_s and (not bucket.keeps_s or wanted_s < bucket.keeps_s)
        if is_shorter and await self._has_older(self._now() * 1_000 - wanted_s * 10**9):
            found = f"left {self._shown} at {days_shown(bucket.keeps_s)}: it holds points older than keep_raw_days = {self._raw_days:g}"
            return Remark(
                "warn", found, "raise keep_raw_days, or shorten it yourself, which deletes them: influx bucket update --retention"
            )
        after = await desk.set_retention(bucket, self._raw_days)
        return Remark("ok", f"{self._shown} keeps {days_shown(after.keeps_s)} now; it kept {days_shown(bucket.keeps_s)}")

    async def _has_older(self, t_ns: int) -> bool:
        url, org, bucket, token = self._place
        asking = Asking(database_of(url, org, bucket), org, bucket, token)
        try:
            return await asking.has_older(t_ns)
        finally:
            await asking.aclose()


def _of_syncing(settings: dict[str, object]) -> list[Remark]:
    delay = str(settings.get("storage-wal-fsync-delay", "0s"))
    if delay in ("0s", "0"):
        return []
    found = f"it runs with storage-wal-fsync-delay={delay}: a power cut there takes what it had answered for"
    return [Remark("fail", found, "start it without that option")]
