"""Files that people name: read as far as something of that kind may reach, and no further."""

from __future__ import annotations

from pathlib import Path

from kobling.model.errors import ConfigurationError


def read_bytes(path: Path, bytes_max: int, name: str, cure: str) -> bytes:
    """The content of a file of at most that many bytes. name: what it is meant to be, for words.

    Raises ConfigurationError for a file that cannot be read, or is longer.
    """
    try:
        with path.open("rb") as file:
            content = file.read(bytes_max + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigurationError(f"{path} cannot be read ({reason or error}).", cure=cure) from None
    if len(content) > bytes_max:
        raise ConfigurationError(f"{path} has more than {bytes_max:,} bytes, so it is no {name}.", cure=cure)
    return content


def read_text(path: Path, bytes_max: int, name: str, cure: str) -> str:
    """The same as text. Raises ConfigurationError also for what is no UTF-8, with the line."""
    content = read_bytes(path, bytes_max, name, cure)
    try:
        # Some editors write a byte order mark before the text.
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{path}: line {line} is no UTF-8 text.", cure="Save it as UTF-8.") from None
