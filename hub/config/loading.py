"""Where the settings come from, and how a wrong one is told in one line.

Reads options, the environment and a TOML file, in this order of strength; must not touch the data directory. The CLI loads them.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, TomlConfigSettingsSource

from hub.config.settings import PREFIX, Settings
from hub.core.errors import Refusal

CONFIG_VARIABLE: Final = "TRIBUTARY_CONFIG"
# Names under our prefix that are no settings: the file's own place, the device command's token, what tests are told.
_NOT_SETTINGS: Final = (CONFIG_VARIABLE, "TRIBUTARY_DEVICE_TOKEN", "TRIBUTARY_PROVISION_KEY", "TRIBUTARY_CI", "TRIBUTARY_TEST_")
_IN_FILE: Final = "_file"  # behind the name of a secret: the file that it is in
_SECRETS: Final = ("store_token", "smtp_password", "redis_password", "redis_sentinel_password")


class ConfigError(Refusal):
    """A setting is wrong: the message names it, where it stands, its value and the limit."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__("bad_config", message, hint)


def load_settings(config: Path | None = None, **options: Any) -> Settings:
    """Return the settings: options (None: not given) over environment over TOML file over defaults.

    `config` None means the file $TRIBUTARY_CONFIG names, if it is set. Raises ConfigError, whose one line names key, value and limit.
    """
    if config is None and os.environ.get(CONFIG_VARIABLE):
        config = Path(os.environ[CONFIG_VARIABLE])
    _check_environment()
    from_files = _from_files(_files_in_environment())
    given = {key: value for key, value in options.items() if value is not None}

    class FromAll(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            sources = (init_settings, env_settings, InitSettingsSource(settings_cls, from_files))
            return sources if config is None else (*sources, _read_file(settings_cls, config))

    try:
        return FromAll(**given)
    except ValidationError as error:
        raise _config_error(error, given, config) from None


def _read_file(settings: type[BaseSettings], path: Path) -> PydanticBaseSettingsSource:
    try:
        path.open("rb").close()  # pydantic-settings takes a missing file for an empty one
        source = TomlConfigSettingsSource(settings, path)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}", "name a TOML file with --config") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}", 'write lines like port = 8080 or data_dir = "/srv/tributary"') from None
    said = source.toml_data
    files = {key: said.pop(key + _IN_FILE) for key in _SECRETS if key + _IN_FILE in said}
    for key in said:
        if key not in Settings.model_fields:
            raise _unknown(key, f"in {path}", list(Settings.model_fields))
    if twice := files.keys() & said:
        raise _said_twice(min(twice), min(twice) + _IN_FILE)
    return InitSettingsSource(settings, said | _from_files({f"{key}{_IN_FILE} in {path}": (key, file) for key, file in files.items()}))


def _files_in_environment() -> dict[str, tuple[str, Any]]:
    """Return the secrets that variables say to be in files, and the files, by the variables."""
    files = {PREFIX + (key + _IN_FILE).upper(): key for key in _SECRETS}
    for variable, key in files.items():
        if variable in os.environ and PREFIX + key.upper() in os.environ:
            raise _said_twice(PREFIX + key.upper(), variable)
    return {variable: (key, os.environ[variable]) for variable, key in files.items() if variable in os.environ}


def _from_files(files: Mapping[str, tuple[str, Any]]) -> dict[str, str]:
    """Read secrets; a line's end behind one is none of it. Raises ConfigError, which names where the file was named."""
    secrets = {}
    for where, (key, file) in files.items():
        try:
            secrets[key] = Path(str(file)).read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            said = error.strerror if isinstance(error, OSError) else "it is no text"
            raise ConfigError(f"{where} = {str(file)!r} cannot be read: {said}", "name a file that the hub's user may read") from None
        if not secrets[key]:
            raise ConfigError(f"{where} = {str(file)!r} is empty", f"write the secret into it, or leave {key} out")
    return secrets


def _said_twice(one: str, other: str) -> ConfigError:
    return ConfigError(f"{one} and {other} are both set", "set one of them")


def _check_environment() -> None:
    known = [PREFIX + key.upper() for key in (*Settings.model_fields, *(key + _IN_FILE for key in _SECRETS))]
    for variable in sorted(os.environ):
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(_NOT_SETTINGS):
            raise _unknown(variable, "in the environment", known)


def _unknown(key: str, where: str, known: list[str]) -> ConfigError:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the settings are {', '.join(sorted(known))}"
    return ConfigError(f"there is no setting {key} ({where})", hint)


def _config_error(error: ValidationError, given: Mapping[str, Any], config: Path | None) -> ConfigError:
    first = error.errors(include_url=False, include_context=False)[0]
    said = first["msg"].removeprefix("Value error, ").replace("Input should", "it should")
    if not first["loc"]:
        return ConfigError(said, "set both or neither")
    key = str(first["loc"][0])
    variable = PREFIX + key.upper()
    place = "on the command line" if key in given else f"in {variable}" if variable in os.environ else f"in {config}"
    shown = "..." if key in _SECRETS else repr(first["input"])
    return ConfigError(f"{key} = {shown} ({place}) is not allowed: {said}", f"correct {key}")
