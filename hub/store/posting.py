"""Ready lines into a database: influxdb-client's WriteApi, synchronous, in a worker thread, its answer checked.

Owns that one request at a time is under way and what counts as stored: 204 and nothing else. What an error means is in failures.py. The
client's batching writer is not used: it loses points without an exception. Used by the stores of InfluxDB and VictoriaMetrics.
"""

from typing import Final, Literal

from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

from hub.store.calls import TIMEOUT_S, Calls, Client
from hub.store.failures import Database

_STORED: Final = 204  # a 200 is somebody else: a login page, a proxy


class Posting:
    """Where lines go. One request is under way; who else posts waits for its turn."""

    def __init__(
        self,
        database: Database,
        org: str,
        bucket: str,
        token: str | None,
        *,
        timeout_s: float = TIMEOUT_S,
        scheme: Literal["Token", "Bearer"] = "Token",
    ) -> None:
        self.requests = 0  # that were answered with 204
        self.sent_bytes = 0
        self._calls = Calls(database, org, token, threads=1, timeout_s=timeout_s, scheme=scheme)
        self._org, self._bucket = org, bucket

    async def post(self, body: bytes) -> None:
        """Store lines whose times are in ns; they are stored when this returns.

        Raises StoreUnavailable (nothing, a part or all of it was stored: bring it again), StoreRefused (some line in it is to blame).
        Cancelled, it may be stored or not.
        """

        def write(client: Client) -> None:
            api = client.api.write_api(write_options=SYNCHRONOUS)
            api.write(bucket=self._bucket, org=self._org, record=body, write_precision="ns")
            if client.pools.status != _STORED:
                raise ApiException(status=client.pools.status, reason="not stored")  # type: ignore[no-untyped-call]

        await self._calls.run(write, is_write=True)
        self.requests += 1
        self.sent_bytes += len(body)

    async def aclose(self) -> None:
        """Close the connection; idempotent."""
        await self._calls.aclose()
