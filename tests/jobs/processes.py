"""A long-running command, followed by what it logs: a test waits for a line, never for a time."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from types import TracebackType
from typing import Any

from engine.world import World
from kobling.service.schedule import hold_entries, list_entries, ready_entries

Line = dict[str, Any]


class Process:
    """`kobling WORDS`, with its log as JSON lines."""

    def __init__(self, world: World, *words: str, port: int = 0, **variables: str) -> None:
        environment = os.environ | world.environment | {"KOBLING_CONFIG": str(world.path)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kobling", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment | {"KOBLING_LOG_FORMAT": "json", "KOBLING_WEB_PORT": str(port)} | variables,
        )
        self.lines: list[Line] = []
        # A pipe that nobody empties would stop the process.
        self._told: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for text in self.process.stderr:
            self._told.put(text)
        self._told.put(None)

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self.process.stdout or not self.process.stdout.closed:
            self.process.kill()
            self._end()

    def _end(self) -> str:
        """Waits for its end; what it printed."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.wait(timeout=35)
        self._reader.join(timeout=35)
        self.process.stderr.close()
        with self.process.stdout as output:
            return output.read()

    def until(self, fits: Callable[[Line], bool]) -> Line:
        """The next line of the log that fits."""
        while (text := self._told.get()) is not None:
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

    def rest(self) -> str:
        """What it says until its end, as it stands."""
        return "".join(iter(lambda: self._told.get() or "", ""))

    def stop(self) -> int:
        """Tells it to stop, and gives its exit status."""
        self.process.terminate()
        assert self._end() == ""
        return self.process.returncode


def only(world: World, *mappings: str) -> None:
    """Holds every entry but these."""
    world.command(lambda session: hold_entries(session, []))
    if mappings:
        world.command(lambda session: ready_entries(session, mappings))


def entry(world: World, mapping: str) -> Line:
    """The recurring entry of a mapping."""
    entries = world.command(list_entries)["entries"]
    return dict(next(one for one in entries if one["mapping"] == mapping and one["recurring"]))


def ask(url: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    try:
        with urllib.request.urlopen(url) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
