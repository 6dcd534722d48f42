"""What doctor looks at in the Redis that `redis_url` names: is it there, of a version that will do, and does it keep what it is told.

Owns those checks and what each setting of Redis loses; changes nothing. checks.py calls it.
"""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

import trio

from hub.cli.findings import Finding, Verdict
from hub.config import Settings
from hub.core.errors import Refusal
from hub.part_settings import redis_passwords
from hub.ports import StoreUnavailable

if TYPE_CHECKING:
    from hub.redis import Passwords

_LEAST: Final = (6, 2)  # ranges of a sorted set by name, backwards
_LOSES: Final = {
    "always": (Verdict.OK, "loses nothing that was answered", ""),
    "everysec": (Verdict.OK, "a crash of its machine loses the last second: what people changed then, and states of commands", ""),
    "no": (Verdict.FAIL, "a crash of its machine loses half a minute and more of changes", "appendfsync everysec, or always"),
}


def check_redis(settings: Settings) -> list[Finding]:
    """Return every finding about the Redis, none for a hub that stands alone."""
    if settings.redis_url is None:
        return []
    from hub.redis import Passwords, make_client, servers_of

    passwords = Passwords(*redis_passwords(settings))
    try:
        make_client(settings.redis_url, passwords)
    except Refusal as error:
        return [Finding(Verdict.FAIL, "redis", error.message, error.hint)]
    return [finding for url in servers_of(settings.redis_url) for finding in trio.run(_look, url, passwords)]


async def _look(url: str, passwords: "Passwords") -> list[Finding]:
    from hub.redis import Redis

    redis = Redis(url, passwords)
    async with trio.open_nursery() as nursery:
        await nursery.start(redis.run)
        try:
            version = await redis.version()
            settings_of_it = await redis.settings("append*", "maxmemory*")
        except StoreUnavailable as error:
            return [Finding(Verdict.FAIL, "redis", str(error), "start it, or correct redis_url, redis_password or redis_sentinel_password")]
        finally:
            nursery.cancel_scope.cancel()
    return [_version(redis.url, version), *judged(settings_of_it)]


def _version(url: str, version: str) -> Finding:
    if tuple(int(each) for each in version.split(".")[:2]) < _LEAST:
        least = ".".join(map(str, _LEAST))
        return Finding(Verdict.FAIL, "redis", f"version {version} at {url}, and {least} is the least that will do", "upgrade it")
    return Finding(Verdict.OK, "redis", f"version {version} answers at {url}")


def judged(found: Mapping[str, str] | None) -> Iterator[Finding]:
    """Yield what its settings lose, as CONFIG GET has them; None: it does not tell them."""
    if found is None:
        advice = "make sure of appendonly yes, appendfsync everysec or always, maxmemory-policy noeviction"
        yield Finding(Verdict.WARN, "redis durability", "it does not tell its settings to this user", advice)
        return
    if found.get("appendonly") != "yes":
        said = "it keeps no append-only file: a restart loses every change since its last snapshot, or all of them"
        yield Finding(Verdict.FAIL, "redis durability", said, "appendonly yes")
    else:
        verdict, said, advice = _LOSES.get(found.get("appendfsync", ""), _LOSES["no"])
        yield Finding(verdict, "redis durability", f"appendfsync {found.get('appendfsync')}: {said}", advice)
    policy, limit = found.get("maxmemory-policy", "noeviction"), found.get("maxmemory", "0")
    if policy != "noeviction" and limit != "0":
        said = f"maxmemory {limit} with {policy}: once it is full it deletes devices, users and commands"
        yield Finding(Verdict.FAIL, "redis memory", said, "maxmemory-policy noeviction: then changes are refused, and nothing goes")
    else:
        said = "no bound" if limit == "0" else f"maxmemory {int(limit):,} bytes, then changes are refused"
        yield Finding(Verdict.OK, "redis memory", said)
