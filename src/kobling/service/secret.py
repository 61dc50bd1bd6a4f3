"""Secrets: where they come from, and a type that does not show them.

A secret is read when it is first asked for, so a command that needs none runs no program and opens no file.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kobling.model.errors import ConfigurationError

# A password manager may ask its own server; what takes longer waits for a person who is not there.
COMMAND_SECONDS_MAX: Final = 30.0
_FILE_BYTES_MAX: Final = 65_536
_READABLE_BY_OTHERS: Final = 0o077


class Secret:
    """A text that is neither shown nor logged: `reveal` is the only way to it.

    `where` says where it comes from, in words for a person. A secret that is not set is false.
    """

    __slots__ = ("_known", "_read", "where")

    def __init__(self, where: str, read: Callable[[], str] | None) -> None:
        self.where = where
        self._read = read
        self._known: str | None = None

    def reveal(self) -> str:
        """The secret itself; "" where none is set. Raises ConfigurationError."""
        if self._known is None:
            self._known = "" if self._read is None else self._read()
        return self._known

    def __bool__(self) -> bool:
        return self._read is not None

    def __repr__(self) -> str:
        return "Secret(…)" if self else "Secret()"


NO_SECRET: Final = Secret("nowhere", None)


def plain_secret(text: str, where: str) -> Secret:
    """A secret that stands in an environment variable."""
    return Secret(where, lambda: _one_line(text, where))


def written_secret(text: str, where: str, file: Path) -> Secret:
    """A secret that stands in the configuration file, which must then be readable by its owner only."""

    def read() -> str:
        _refuse_open_mode(os.stat(file).st_mode, file, where)
        return _one_line(text, where)

    return Secret(where, read)


def file_secret(path: Path, where: str) -> Secret:
    """A secret that is the one line of a file of its own."""
    return Secret(where, lambda: _from_file(path, where))


def command_secret(command: str, where: str, folder: Path) -> Secret:
    """A secret that a program prints as one line. It is started in `folder`, without a shell."""
    return Secret(where, lambda: _from_command(command, where, folder))


def _from_file(path: Path, where: str) -> str:
    try:
        with path.open("rb") as file:
            _refuse_open_mode(os.fstat(file.fileno()).st_mode, path, where)
            content = file.read(_FILE_BYTES_MAX)
    except OSError as error:
        raise ConfigurationError(
            f"{where}: {path} cannot be read ({error.strerror}).",
            cure="Write the secret into that file, as one line, with mode 600.",
        ) from None
    return _one_line(_decoded(content, where), where)


def _refuse_open_mode(mode: int, path: Path, where: str) -> None:
    # Windows shows a mode that says nothing about who may read.
    if os.name != "nt" and mode & _READABLE_BY_OTHERS:
        raise ConfigurationError(
            f"{where}: other users of this machine may read {path} (mode {mode & 0o777:o}).",
            cure=f"Run: chmod 600 {shlex.quote(str(path))}",
        )


def _from_command(command: str, where: str, folder: Path) -> str:
    words = _words(command, where)
    cure = "Run it by hand: it must print the secret as one line and end with 0."
    try:
        done = subprocess.run(  # noqa: S603 - the program that the person named, without a shell
            words,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            # What it says there may hold the secret.
            stderr=subprocess.DEVNULL,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
    except OSError as error:
        raise ConfigurationError(
            f"{where}: {words[0]!r} cannot be run ({error.strerror}).", cure=cure
        ) from None
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"{where}: {words[0]!r} did not end within {COMMAND_SECONDS_MAX:.0f} seconds.", cure=cure
        ) from None
    if done.returncode != 0:
        raise ConfigurationError(f"{where}: {words[0]!r} ended with {done.returncode}.", cure=cure)
    return _one_line(_decoded(done.stdout, where), where)


def _words(command: str, where: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as error:
        raise ConfigurationError(
            f"{where}: the command cannot be taken apart ({error}).", cure="Close every quote."
        ) from None


def _decoded(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{where}: the secret is no UTF-8 text.", cure="Store it as text.") from None


def _one_line(text: str, where: str) -> str:
    secret = text.strip()
    if not secret:
        raise ConfigurationError(
            f"{where}: the secret is empty.", cure="Store the secret there, as one line."
        )
    if not secret.isprintable():
        raise ConfigurationError(
            f"{where}: the secret has several lines or a control character.",
            cure="Store the secret alone, as one line.",
        )
    return secret
