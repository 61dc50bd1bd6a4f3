"""Values of the configuration as they are given, made into what they mean. Each raises ConfigurationError."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Final

from kobling.model.errors import ConfigurationError
from kobling.service.address import checked_address
from kobling.service.secret import (
    NO_SECRET,
    Secret,
    command_secret,
    file_secret,
    plain_secret,
    written_secret,
)
from kobling.service.settings import Settings

_PORT_MAX: Final = 65_535
_NUMBER_MAX: Final = 1_000_000
SECRET_KEYS: Final = ("secret", "secret_file", "secret_command")


def texts_of(section: str, settings: Settings) -> dict[str, str]:
    """The plain values of a section, without those that are blank; secrets are left as they are."""
    own = {key: one for (place, key), one in settings.items() if place == section and key not in SECRET_KEYS}
    texts = {key: one.plain() for key, one in own.items()}
    return {key: text for key, text in texts.items() if text}


def address_of(section: str, key: str, settings: Settings, example: str, *, path: bool = False) -> str:
    """An address without a slash at its end; "" where none is given. path: whether one may follow it."""
    setting = settings.get((section, key))
    if setting is None or not setting.plain():
        return ""
    return checked_address(setting.plain(), setting.where, path=path, example=example)


def secret_of(section: str, settings: Settings, path: Path) -> Secret:
    """The secret of a section, from where it says. path: of the configuration."""
    given = [(key, settings[section, key]) for key in SECRET_KEYS if (section, key) in settings]
    given = [(key, setting) for key, setting in given if setting.text.strip()]
    if not given:
        return NO_SECRET
    if len(given) > 1:
        places = " and ".join(setting.where for _, setting in given)
        raise ConfigurationError(f"Two secrets are given: {places}.", cure="Keep one of them.")
    [(key, setting)] = given
    if key == "secret_command":
        return command_secret(setting.plain(), setting.where, path.parent)
    if key == "secret_file":
        return file_secret(beside(path, setting.plain()), setting.where)
    if setting.in_file:
        return written_secret(setting.text, setting.where, path)
    return plain_secret(setting.text, setting.where)


def day_of(section: str, key: str, settings: Settings) -> date | None:
    """A day, if one is given."""
    text = texts_of(section, settings).get(key)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ConfigurationError(
            f"{settings[section, key].where} is no day.", cure="Write it like 2027-01-31."
        ) from None


def beside(path: Path, text: str) -> Path:
    """A path that starts beside the configuration."""
    return path.parent / Path(text).expanduser()


def chosen_of(section: str, key: str, settings: Settings, values: tuple[str, ...]) -> dict[str, str]:
    """The value of a key that is one of a few, if it is given. Raises ConfigurationError."""
    text = texts_of(section, settings).get(key)
    if text is not None and text not in values:
        setting = settings[section, key]
        raise ConfigurationError(
            f"{setting.where} is {setting.text!r}.", cure=f"Use one of: {', '.join(values)}."
        )
    return {} if text is None else {key: text}


def port_of(section: str, text: str | None, settings: Settings, default: int) -> int:
    """A port. text: as given, None for the default."""
    return default if text is None else number_of(section, "port", settings, _PORT_MAX)


def number_of(section: str, key: str, settings: Settings, maximum: int = _NUMBER_MAX) -> int:
    """A whole number that is given."""
    text = settings[section, key].plain()
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) <= maximum:
        return int(text)
    where = settings[section, key].where
    raise ConfigurationError(f"{where} is {text!r}.", cure=f"Use a number from 0 to {maximum}.")
