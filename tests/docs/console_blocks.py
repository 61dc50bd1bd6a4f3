"""Console blocks of the documents: read from Markdown, typed into a real shell, compared with its answers.

In a block, a line that begins with `$ ` is typed; what follows is its output. `...` on a line of its own
stands for any lines, within a line for any text. Ids, times and the like differ from run to run and are not
compared.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

PROMPT = "$ "
LEFT_OUT = "..."
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MASKS = (
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ?"), "<time>"),
    (re.compile(r'"seconds": [0-9.e-]+'), '"seconds": <seconds>'),
    # How many records a service tells once more, and which numbers jobs have, means nothing to a reader.
    (re.compile(r"\b\d+ unchanged\b"), "<n> unchanged"),
    (re.compile(r"^\d+(?=\s+[A-Z]{3})"), "<job>"),
    (re.compile(r"\b([Jj]ob|undo) \d+\b"), r"\1 <job>"),
    # A path is the reader's own.
    (re.compile(r"/\S*/(kobling-try\b)"), r"<folder>/\1"),
)


@dataclass(frozen=True)
class Step:
    """One command with the output that the document shows."""

    command: str
    output: tuple[str, ...]


def steps(text: str) -> Iterator[Step]:
    """Every command of every console block, in order."""
    for block in _BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *output = part.rstrip("\n").split("\n")
            yield Step(command, tuple(output))


def masked(line: str) -> str:
    """The line without what differs from run to run, and without the widths of columns."""
    for pattern, stand_in in _MASKS:
        line = pattern.sub(stand_in, line)
    return " ".join(line.split())


def differences(shown: tuple[str, ...], seen: list[str]) -> list[str]:
    """What the document shows and the command does not say, or the other way round; none if they agree.

    The order of lines is not compared: lists are in the order of ids, which differ.
    """
    left = [masked(one) for one in seen if one.strip()]
    wanted = [one for one in shown if one.strip() not in {LEFT_OUT, ""}]
    found = []
    # Lines without a gap first, so that one with a gap takes no line that another needs.
    for one in sorted(wanted, key=lambda line: LEFT_OUT in line):
        pattern = re.compile(".*".join(re.escape(part.strip()) for part in masked(one).split(LEFT_OUT)))
        match = next((line for line in left if pattern.fullmatch(line)), None)
        if match is None:
            found.append(f"not said: {one}")
        else:
            left.remove(match)
    if not any(one.strip() == LEFT_OUT for one in shown):
        found += [f"not in the document: {one}" for one in left]
    return found


class Shell:
    """A bash that keeps its folder and variables from one command to the next."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--norc", "--noprofile"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=dict(environment),
        )

    def __enter__(self) -> Shell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._bash.stdin is not None
        self._bash.stdin.close()
        self._bash.wait(timeout=20)
        assert self._bash.stdout is not None
        self._bash.stdout.close()

    def type(self, command: str) -> list[str]:
        """The lines that the command prints, on either stream. `$?` stays what it was for the next one."""
        end = "-- the command has ended --"
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{command}\n{{ status=$?; echo; echo '{end}'; (exit $status); }}\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.rstrip("\n") == end:
                return lines[:-1] if lines and not lines[-1] else lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the shell ended in {command!r}: {lines}")
