"""What an examination finds, and how much it matters."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Level(StrEnum):
    """OK: in order. HINT: works, but look at it. PROBLEM: something does not work, or waits for a person."""

    OK = "ok"
    HINT = "hint"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check. cure: what to do, "" where nothing is. exit_status: of a problem, as of the error that it
    would be; 1 where it waits for a person."""

    name: str
    level: Level = Level.OK
    message: str
    cure: str = ""
    exit_status: int = 0


def hint(name: str, message: str, cure: str) -> Finding:
    """Something to look at."""
    return Finding(name=name, level=Level.HINT, message=message, cure=cure)


def problem(name: str, message: str, cure: str, exit_status: int = 1) -> Finding:
    """Something that does not work or waits."""
    return Finding(name=name, level=Level.PROBLEM, message=message, cure=cure, exit_status=exit_status)
