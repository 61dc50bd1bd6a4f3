"""Aim: a reader who types the tutorial sees what it shows.

Method: every console block, in order, in a real bash, against a sandbox of its own on free ports.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docs.console_blocks import Shell, Step, differences, steps
from sandboxes import Sandbox

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
# As the tutorial writes them.
PORTS = {"business_central": "7048", "dataverse": "7049"}


def environment(home: Path) -> dict[str, str]:
    """What a reader's shell has after `. .venv/bin/activate`; nothing of kobling's own."""
    place = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {"PATH": place, "HOME": str(home), "LANG": "C.UTF-8"}


def test_the_tutorial_works_as_typed(sandbox: Sandbox, tmp_path: Path) -> None:
    real = {port: str(urlsplit(getattr(sandbox, name)).port) for name, port in PORTS.items()}
    found: list[str] = []
    with Shell(tmp_path, environment(tmp_path)) as shell:
        for step in steps(TUTORIAL):
            command = step.command
            if command.startswith("make "):
                # make installs first; what it starts then is the target's command.
                command = command.replace("make demo ARGS=", "kobling demo ")
            for written, port in real.items():
                command = re.sub(rf"\b{written}\b", port, command)
            seen = shell.type(command)
            for written, port in real.items():
                seen = [re.sub(rf"\b{port}\b", written, line) for line in seen]
            found += [f"$ {step.command}: {one}" for one in differences(step.output, seen)]
    assert found == []


def test_the_demo_of_the_makefile_is_the_command_that_was_tested() -> None:
    assert "\n\t@$(BIN)/kobling demo $(ARGS)\n" in (ROOT / "Makefile").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (["1 resolved."], ["2 resolved."]),
        (["1 resolved."], []),
        ([], ["1 resolved."]),
        (["one", "..."], ["two"]),
        (["reads a, ...; changes b"], ["reads a, c"]),
        (["one", "one"], ["one"]),
    ],
)
def test_another_output_is_seen(shown: list[str], seen: list[str]) -> None:
    assert differences(tuple(shown), seen)


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        (["3 unchanged"], ["4 unchanged"]),
        (["one", "..."], ["two", "one"]),
        (["reads a, ...; changes b"], ["reads a, c, d; changes b"]),
        (["one", "two"], ["two  ", "one"]),
    ],
)
def test_the_same_output_is_not_complained_of(shown: list[str], seen: list[str]) -> None:
    assert differences(tuple(shown), seen) == []


def test_a_block_is_read_as_commands_with_their_outputs() -> None:
    text = "```console\n$ one\n$ two --all\nsaid\nmore\n```\n\n```sh\nnot typed\n```\n"
    assert list(steps(text)) == [Step("one", ()), Step("two --all", ("said", "more"))]
