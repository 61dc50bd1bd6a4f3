"""The configuration as somebody gave it: sections and keys of a TOML file, and the variables beside them.

Here it is decided what may be there at all; what the values mean is `configuration`'s.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from kobling.model.errors import ConfigurationError
from kobling.service.files import read_text

PATH_VARIABLE: Final = "KOBLING_CONFIG"
_PREFIX: Final = "KOBLING_"
# A mapping export or a data file given by mistake should be named as that, not read.
_FILE_BYTES_MAX: Final = 1_000_000

Sections = Mapping[str, tuple[str, ...]]


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """One value as it was given. where: the place in words for a person. in_file: not in a variable."""

    text: str
    where: str
    in_file: bool

    def plain(self) -> str:
        """The value without blanks around it; ConfigurationError where it is not one line of text."""
        text = self.text.strip()
        if not text.isprintable():
            raise ConfigurationError(
                f"{self.where} holds a line break or a control character.", cure="Write it as one line."
            )
        return text

    # A value may be a secret, whatever its key.
    def __repr__(self) -> str:
        return f"Setting({self.where})"


Settings = dict[tuple[str, str], Setting]


def variable_of(section: str, key: str) -> str:
    """The environment variable that goes before this key of the file."""
    return f"{_PREFIX}{section}_{key}".upper()


def settings_of_file(path: Path, sections: Sections) -> Settings:
    """By (section, key). Raises ConfigurationError for what cannot be read and for what is unknown."""
    settings: Settings = {}
    for section, keys in _document(path).items():
        if section not in sections:
            kind = "section" if isinstance(keys, dict) else "key"
            raise ConfigurationError(
                f"{path}: unknown {kind} {section!r}.",
                cure=_suggestion(section, tuple(sections), "a section"),
            )
        if not isinstance(keys, dict):
            raise ConfigurationError(
                f"{path}: {section!r} must be a section, found {_described(keys)}.",
                cure=f"Write [{section}].",
            )
        for key, value in keys.items():
            settings[section, key] = _setting(path, section, key, value, sections[section])
    return settings


def settings_of_environment(environment: Mapping[str, str], sections: Sections) -> Settings:
    """By (section, key); a variable without a value counts as not set. Raises ConfigurationError."""
    settings: Settings = {}
    for variable, text in environment.items():
        section, _, key = variable.removeprefix(_PREFIX).lower().partition("_")
        ours = variable.startswith(_PREFIX) and variable.isupper() and section in sections and key
        if not ours or not text.strip():
            continue
        if key not in sections[section]:
            known = tuple(variable_of(section, one) for one in sections[section])
            raise ConfigurationError(
                f"The environment variable {variable} is unknown.", cure=_suggestion(variable, known, "one")
            )
        settings[section, key] = Setting(text=text, where=variable, in_file=False)
    return settings


def _setting(path: Path, section: str, key: str, value: Any, known: tuple[str, ...]) -> Setting:
    where = f"{path}: [{section}] {key}"
    if key not in known:
        raise ConfigurationError(
            f"{path}: unknown key {key!r} in [{section}].",
            cure=_suggestion(key, known, f"a key of [{section}]"),
        )
    if not isinstance(value, str):
        raise ConfigurationError(
            f"{where} must be text, found {_described(value)}.", cure=f'Write {key} = "…", in quotes.'
        )
    return Setting(text=value, where=where, in_file=True)


def _document(path: Path) -> dict[str, Any]:
    text = _text(path)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: {error}.", cure="Correct the file there: it is TOML.") from None
    except RecursionError:
        raise ConfigurationError(
            f"{path}: its lists are nested too deep.", cure="Correct the file."
        ) from None


def _text(path: Path) -> str:
    try:
        path.stat()
    except FileNotFoundError:
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            cure=f"Run `kobling init` to write one, or name another with --config or {PATH_VARIABLE}.",
        ) from None
    except (OSError, ValueError):
        # Reading it fails, too, and says why.
        pass
    cure = "Check its rights, or name another with --config."
    return read_text(path, _FILE_BYTES_MAX, "configuration", cure)


def _suggestion(name: str, known: tuple[str, ...], kind: str) -> str:
    """The nearest known name, else all of them."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, 1)
    return f"Did you mean {near[0]!r}?" if near else f"Use {kind}: {', '.join(known)}."


def _described(value: Any) -> str:
    """What kind of value was found; not the value, which may be a secret."""
    kinds = {"bool": "a switch (true or false)", "int": "a number", "float": "a number", "str": "text"}
    others = {"list": "a list", "dict": "a table"}
    return (kinds | others).get(type(value).__name__, "a date or time")
