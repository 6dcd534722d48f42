"""Settings: where they come from, and one line that names key, value and limit where one is wrong."""

import os
from pathlib import Path

import pytest

from hub.config import ConfigError, Settings, load_settings, settings_table


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in [name for name in os.environ if name.startswith("TRIBUTARY_")]:
        monkeypatch.delenv(variable)


def refusal_of(**given: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(**given)  # type: ignore[arg-type]  # wrong on purpose
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value.message


def test_defaults_listen_on_this_machine_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, tmp_path / "tributary")


def test_relative_data_home_is_not_obeyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "relative")  # the XDG specification calls it invalid
    monkeypatch.setenv("HOME", str(tmp_path))
    assert load_settings().data_dir == tmp_path / ".local" / "share" / "tributary"


def test_option_wins_over_environment_and_environment_over_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "hub.toml"
    file.write_text('port = 1001\nhost = "::1"\nlog_level = "debug"\nallowed_origins = ["https://a.example"]\n')
    monkeypatch.setenv("TRIBUTARY_PORT", "1002")
    monkeypatch.setenv("TRIBUTARY_HOST", "127.0.0.2")
    settings = load_settings(file, port=1003, host=None)
    assert (settings.port, settings.host, settings.log_level) == (1003, "127.0.0.2", "debug")
    assert settings.allowed_origins == ("https://a.example",)


def test_file_is_found_by_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "hub.toml").write_text("port = 1001\n")
    monkeypatch.setenv("TRIBUTARY_CONFIG", str(tmp_path / "hub.toml"))
    assert load_settings().port == 1001


@pytest.mark.parametrize("key", ["store_token", "smtp_password", "redis_password", "redis_sentinel_password"])
def test_a_secret_may_be_in_a_file_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str) -> None:
    secret, config, variable = tmp_path / "secret", tmp_path / "hub.toml", f"TRIBUTARY_{key.upper()}"

    def found() -> str:
        return str(getattr(load_settings(config), key).get_secret_value())

    secret.write_text(" s3cret\n")
    config.write_text(f'{key}_file = "{secret}"\n')
    assert found() == " s3cret"
    monkeypatch.setenv(variable, "stronger")
    assert found() == "stronger"
    monkeypatch.delenv(variable)
    (tmp_path / "other").write_text("other")
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path / "other"))
    assert found() == "other"
    monkeypatch.setenv(variable, "twice")
    assert f"{variable} and {variable}_FILE are both set" in refusal_of()


def test_a_file_that_holds_no_secret_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config, secret = tmp_path / "hub.toml", tmp_path / "secret"
    config.write_text(f'redis_password_file = "{secret}"\n')
    assert f"redis_password_file in {config} = '{secret}' cannot be read: No such file" in refusal_of(config=config)
    secret.write_text("\n")
    assert "is empty" in refusal_of(config=config)
    secret.write_bytes(b"\xff")
    assert "no text" in refusal_of(config=config)
    config.write_text('redis_password_file = "x"\nredis_password = "y"\n')
    assert "redis_password and redis_password_file are both set" in refusal_of(config=config)
    config.write_text('port_file = "x"\n')
    assert "no setting port_file" in refusal_of(config=config)
    monkeypatch.setenv("TRIBUTARY_PORT_FILE", "x")
    assert "no setting TRIBUTARY_PORT_FILE" in refusal_of()


def test_bytes_and_origins_may_be_written_as_people_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_JOURNAL_MAX_BYTES", "5GB")
    monkeypatch.setenv("TRIBUTARY_ALLOWED_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings()
    assert settings.journal_max_bytes == 5_000_000_000
    assert settings.allowed_origins == ("https://a.example", "https://b.example")


def test_value_over_its_limit_is_named_with_the_limit() -> None:
    said = refusal_of(port=99_999)
    assert "port = 99999" in said
    assert "65535" in said
    assert "command line" in said


def test_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_JOURNAL_MAX_BYTES", "1MB")
    said = refusal_of()
    assert "TRIBUTARY_JOURNAL_MAX_BYTES" in said
    assert "16000000" in said


def test_mail_needs_a_server_and_an_address_and_its_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "mail_from is not" in refusal_of(smtp_url="smtp://mail.example")
    assert "smtp_url is not" in refusal_of(mail_from="hub@example.com")
    for url in ("http://mail.example", "smtp://ann@mail.example", "smtps://", "smtp://a b", "smtp+starttls://ann:secret@mail.example"):
        assert "it is no mail server" in refusal_of(smtp_url=url, mail_from="hub@example.com")
    for address in ("hub", "hub@exam ple", "hub@example.com\nBcc: x", "Hub <hub@example.com>"):
        assert "no e-mail address" in refusal_of(smtp_url="smtps://mail.example", mail_from=address)
    monkeypatch.setenv("TRIBUTARY_SMTP_PASSWORD", "hunter2")
    settings = load_settings(smtp_url="smtp+starttls://ann%40example.com@mail.example:2525", mail_from="hub@example.com")
    assert "hunter2" not in repr(settings)


def test_webhooks_may_go_to_hosts_and_networks() -> None:
    assert load_settings(webhook_allow="10.0.0.0/8, hooks.internal").webhook_allow == ("10.0.0.0/8", "hooks.internal")
    for wrong in ("10.0.0.1/8", "http://hooks.internal", "300.1.1.1", "a b/c"):
        assert "webhook_allow" in refusal_of(webhook_allow=wrong)


@pytest.mark.parametrize("name", ["TRIBUTARY_PROT", "TRIBUTARY_NOTHING_LIKE_IT"])
def test_unknown_variable_is_refused_and_not_ignored(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert name in refusal_of()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("prt = 1", ["prt", "hub.toml"]),
        ("port : 1", ["hub.toml", "line 1"]),
        ('port = "many"', ["port = 'many'", "hub.toml"]),
        ('log_level = "loud"', ["loud", "'warning'"]),
        ('min_free_bytes = "lots"', ["min_free_bytes", "lots"]),
        ("resume_window_s = -1", ["resume_window_s", "0"]),
        ('data_dir = ""', ["data_dir", "empty"]),
        ('tls_key = ""', ["tls_key", "empty"]),
        ('allowed_origins = ["dash.example.com"]', ["dash.example.com", "no origin"]),
        ('allowed_origins = ["https://dash.example.com/"]', ["https://dash.example.com/", "no origin"]),
    ],
)
def test_wrong_file_is_told_in_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "hub.toml").write_text(text)
    said = refusal_of(config=tmp_path / "hub.toml")
    assert all(word in said for word in words), said


def test_empty_variable_does_not_mean_the_working_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_DATA_DIR", "")
    assert "TRIBUTARY_DATA_DIR" in refusal_of()


@pytest.mark.parametrize("origin", ["https://dash.example.com", "http://[::1]:8080", "http://10.0.0.7:3000"])
def test_origin_is_taken_as_a_browser_sends_it(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("TRIBUTARY_ALLOWED_ORIGINS", origin)
    assert load_settings().allowed_origins == (origin,)


def test_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIBUTARY_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8 fd00::/8")
    assert [str(each) for each in load_settings().trusted_proxies] == ["127.0.0.1/32", "10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize("proxy", ["proxy.example", "10.0.0.1/8", "10.0.0", "1.2.3.4:80", 5])
def test_proxy_that_is_no_address_is_named(proxy: object) -> None:
    said = refusal_of(trusted_proxies=[proxy])
    assert str(proxy) in said
    assert "10.0.0.0/8" in said


@pytest.mark.parametrize(
    ("given", "meant", "origin"),
    [
        ("https://dash.example.com", "https://dash.example.com", "https://dash.example.com"),
        ("https://example.com:8443/a/hub/", "https://example.com:8443/a/hub", "https://example.com:8443"),
        ("http://[::1]:80/", "http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_public_url_is_an_allowed_origin(given: str, meant: str, origin: str) -> None:
    settings = load_settings(public_url=given, allowed_origins="https://other.example")
    assert settings.public_url == meant
    assert settings.origins == ("https://other.example", origin)


@pytest.mark.parametrize(
    "given", ["", "dash.example.com", "ftp://a", "https://a/b?c", "https://a/#b", "https://u@a", "https://a//b", "https://a/../b"]
)
def test_public_url_that_is_none_is_refused(given: str) -> None:
    assert "https://example.com/hub" in refusal_of(public_url=given)


def test_base_path_may_not_be_a_path_of_the_hub() -> None:
    assert "/api" in refusal_of(public_url="https://example.com/api/hub")


def test_missing_file_is_named(tmp_path: Path) -> None:
    assert str(tmp_path / "none.toml") in refusal_of(config=tmp_path / "none.toml")


def test_half_of_tls_is_refused() -> None:
    said = refusal_of(tls_key=Path("key.pem"))
    assert "tls_certificate" in said


def test_every_setting_says_what_it_does() -> None:
    assert [key for key, field in Settings.model_fields.items() if not field.description] == []


def test_operating_manual_has_the_table_of_settings() -> None:
    manual = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    table = manual.partition("a test compares -->\n")[2].partition("<!-- end of settings")[0]
    assert table == settings_table(), "paste this: python -c 'from hub.config import settings_table; print(settings_table())'"
