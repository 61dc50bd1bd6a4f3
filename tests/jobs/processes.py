"""A long-running command, followed by what it logs: a test waits for a line, never for a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from engine.world import World
from kobling.service.schedule import hold_entries, list_entries, ready_entries

Line = dict[str, Any]


class Process:
    """`kobling WORDS`, with its log as JSON lines."""

    def __init__(self, world: World, *words: str, port: int = 0) -> None:
        environment = os.environ | world.environment | {"KOBLING_CONFIG": str(world.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kobling", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"KOBLING_LOG_FORMAT": "json", "KOBLING_WEB_PORT": str(port)},
        )
        self.lines: list[Line] = []

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def until(self, fits: Callable[[Line], bool]) -> Line:
        """The next line of the log that fits."""
        assert self.process.stderr is not None
        for text in self.process.stderr:
            line: Line = json.loads(text)
            self.lines.append(line)
            if fits(line):
                return line
        raise AssertionError(f"it ended with {self.process.wait()}: {self.lines[-20:]}")

    def said(self, message: str, **given: object) -> Line:
        """The next line with that message, about these things."""
        return self.until(
            lambda line: (
                line["message"].startswith(message)
                and all(line.get(key) == value for key, value in given.items())
            )
        )

    def stop(self) -> int:
        """Tells it to stop, and gives its exit status."""
        self.process.terminate()
        out, _ = self.process.communicate(timeout=35)
        assert out == ""
        return self.process.returncode


def only(world: World, *mappings: str) -> None:
    """Holds every entry but these."""
    world.command(lambda session: hold_entries(session, []))
    world.command(lambda session: ready_entries(session, mappings))


def entry(world: World, mapping: str) -> Line:
    """The recurring entry of a mapping."""
    entries = world.command(list_entries)["entries"]
    return dict(next(one for one in entries if one["mapping"] == mapping and one["recurring"]))
