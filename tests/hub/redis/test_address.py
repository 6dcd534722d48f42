"""What a URL of a Redis means."""

import pytest

from hub.core.errors import Refusal
from hub.redis import Passwords, make_client, servers_of


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://db:6379", "names no Redis"),
        ("redis://", "names no Redis"),
        ("redis://ann:secret@db:6379/0", "holds a credential"),
        ("redis://one:6379,two:6379/0", "several hosts"),
        ("redis://db:6379/first", "no number of a database"),
        ("redis://db:port/0", "no HOST:PORT"),
        ("redis+sentinel://one:26379,two:26379", "names no service"),
        ("redis+cluster://one:6379/3", "database 0 alone"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_wrong_and_without_a_secret(url: str, said: str) -> None:
    with pytest.raises(Refusal, match=said) as refused:
        make_client(url, Passwords())
    assert "secret" not in str(refused.value.message)


@pytest.mark.parametrize("url", ["redis://db", "redis://[::1]:6379/3", "rediss://db:6380/0?user=hub"])
def test_a_right_one_makes_a_client(url: str) -> None:
    client, sentinel = make_client(url, Passwords("secret"))
    assert client is not None
    assert sentinel is None


def test_each_server_of_a_cluster_is_looked_at_by_itself() -> None:
    assert servers_of("redis+cluster://one:6379,two:6380?user=hub") == ["redis://one:6379/0?user=hub", "redis://two:6380/0?user=hub"]
    assert servers_of("redis+sentinel://one:26379/main") == ["redis+sentinel://one:26379/main"]
