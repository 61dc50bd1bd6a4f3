"""Logs of long-running processes, on stderr: lines for people, or one JSON document a line.

What is logged carries ids, counts and classes; the data of records does not belong there. Whatever is given
as `extra` is shown.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

TEXT: Final = "text"
JSON: Final = "json"
FORMATS: Final = (TEXT, JSON)
LEVELS: Final = ("info", "debug", "warning", "error")
# What every record has, and so nobody gave.
_OWN: Final = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"})
# Parts that have much to say about themselves.
_QUIET: Final = ("procrastinate", "psycopg", "psycopg.pool", "aiohttp", "asyncio")


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        given = " ".join(f"{key}={value}" for key, value in _given(record).items())
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {record.getMessage()} {given}"
        return _one_line(line)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        document = {
            "at": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _one_line(record.getMessage()),
            **_given(record),
        }
        return msgspec.json.encode(document, enc_hook=str).decode()


def configure_logging(form: str, level: str) -> None:
    """Sends what is logged to stderr in that form, from that level on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == JSON else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.ERROR if level != "debug" else logging.DEBUG)


def _given(record: logging.LogRecord) -> dict[str, Any]:
    """What was given as extra. An error's place is given, its text is not: nobody has looked at it."""
    given = {key: value for key, value in vars(record).items() if key not in _OWN}
    if record.exc_info and record.exc_info[0] is not None:
        given["error"] = record.exc_info[0].__name__
    return given


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _one_line(text: str) -> str:
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
