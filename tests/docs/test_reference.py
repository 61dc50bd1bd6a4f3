"""Aim: the reference lacks nothing that the program has, and is as the generator makes it.

Method: the generator's own check in a process of its own; then what the program has is taken from the program
itself, without the generator, and looked for in the pages.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kobling.catalogue.definition import OF_PARTS, Changes
from kobling.catalogue.load import every_variant
from kobling.catalogue.sources import SOURCES
from kobling.cli.main import app
from kobling.model.errors import KoblingError
from kobling.model.mapping import DeletionConflict, Direction, UpdateConflict
from kobling.service.configuration import SECTIONS
from kobling_sandbox.controls import answer
from kobling_sandbox.exchange import Request

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def section(page: str, title: str) -> str:
    """What stands below a heading, up to the next one of its level."""
    found = re.search(rf"^(#+) {re.escape(title)}$\n(.*?)(?=^\1 |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found is not None, f"no section {title!r}"
    return found[2]


def commands() -> Iterator[tuple[str, Any]]:
    """(name, command) of everything that can be typed."""
    waiting = [("kobling", typer.main.get_command(app))]
    while waiting:
        name, command = waiting.pop()
        children = getattr(command, "commands", None)
        if children is None:
            yield name, command
        else:
            waiting += [(f"{name} {word}", child) for word, child in children.items()]


def generate(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "docs.generator", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_the_pages_are_as_the_generator_makes_them() -> None:
    done = generate("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_and_option_is_there() -> None:
    page = text_of("command-line.md")
    everywhere = section(page, "Options of every command")
    for name, command in commands():
        own = section(page, name)
        assert (command.help or "").split("\n")[0] in own
        for parameter in command.params:
            shown = parameter.opts[-1] if parameter.param_type_name == "option" else parameter.metavar
            assert shown.strip("[].") in own + everywhere, f"{name} {shown}"


def test_every_setting_is_there_with_its_variable() -> None:
    page = text_of("configuration.md")
    for name, keys in SECTIONS.items():
        own = section(page, f"[{name}]")
        for key in keys:
            assert f"| `{key}` | `KOBLING_{name.upper()}_{key.upper()}` |" in own


def test_every_mapping_option_is_there_with_its_values() -> None:
    own = section(text_of("mappings.md"), "What can be changed")
    for name in {*Changes.__struct_fields__} - OF_PARTS:
        assert f"| `{name}` |" in own
    for value in (*Direction, *UpdateConflict, *DeletionConflict):
        assert f"`{value}`" in own


def test_every_row_of_every_mapping_is_there() -> None:
    for name, variants in every_variant().items():
        page = text_of(f"mappings/{name.lower().replace(' ', '-')}.md")
        rows = [row for one in variants for row in one.fields]
        captions = [
            one.bc.columns[row.bc].caption if row.bc else "" for one in variants for row in one.fields
        ]
        shown = [line.split(" | ") for line in page.splitlines() if line.endswith((" yes |", " no |"))]
        cells = [[part.strip("| `") for part in line] for line in shown]
        wanted = [
            [
                caption,
                row.crm or "",
                {"bidirectional": "both", "to_integration": "to", "from_integration": "from"}[row.direction],
                "yes" if row.enabled else "no",
            ]
            for row, caption in zip(rows, captions, strict=True)
        ]
        assert [[*line[:3], line[-1]] for line in cells] == wanted
        for row, line in zip(rows, cells, strict=True):
            assert row.rule in line[3]
            assert str(row.constant or "").lower() in line[3].lower()
            assert row.conversion.source in line[3]


def test_every_rule_and_every_source_is_there() -> None:
    page = text_of("rules.md")
    for one in (each for variants in every_variant().values() for each in variants):
        for row in one.fields:
            if row.rule:
                assert row.note in section(page, row.rule)
    sources = section(page, "Sources of look-ups")
    for name in SOURCES:
        assert f"| `{name}` |" in sources


def failure_classes(source: str) -> set[str]:
    """The classes that a module gives to failures: `Failure(kind=…)`, and what is assigned to `kind`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Failure":
            found |= {text for one in node.keywords if one.arg == "kind" for text in texts(one.value)}
        if isinstance(node, ast.Assign):
            first = node.targets[0]
            names = first.elts if isinstance(first, ast.Tuple) else [first]
            if getattr(names[0], "id", "") == "kind":
                found |= set(texts(node.value))
    return found


def texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may give; of a tuple its first element's."""
    if isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)
    elif isinstance(node, ast.Tuple):
        yield from texts(node.elts[0])
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def test_every_failure_class_is_there() -> None:
    sources = [one.read_text(encoding="utf-8") for one in (ROOT / "src" / "kobling").rglob("*.py")]
    classes = {kind for text in sources if "Failure(" in text for kind in failure_classes(text)}
    assert {"rejected", "transient"} <= classes, "the way classes are given has changed; look at this test"
    page = text_of("failures.md")
    assert [one for one in sorted(classes) if f"| `{one}` |" not in page] == []


def test_every_class_of_a_module_is_seen() -> None:
    source = "kind, cure = ('a', 'x') if passing else ('b', 'y')\nkind = 'c'\nFailure(kind='d', cure='z')\n"
    assert failure_classes(source) == {"a", "b", "c", "d"}


def test_every_error_is_there_with_its_exit_status() -> None:
    page = text_of("exit-status.md")
    waiting = [KoblingError]
    while waiting:
        for one in waiting.pop().__subclasses__():
            assert f"| `{one.__name__}` | `{one.exit_status}` |" in page
            waiting.append(one)


def test_every_control_of_the_sandbox_is_there() -> None:
    page = text_of("sandbox.md")
    request = Request(method="GET", path="/_sandbox/", query="", headers={}, body=b"")
    said = answer(None, None, request)  # type: ignore[arg-type]
    known = re.findall(r"(?:GET|POST) [a-z/]+", said.body.decode())
    assert len(known) >= 7
    assert [one for one in known if f"`{one}`" not in page] == []


@pytest.mark.parametrize(
    "option", ["--bc-port", "--crm-port", "--dataset", "--companies", "--tls", "--state"]
)
def test_every_option_of_the_sandbox_is_there(option: str) -> None:
    assert f"`{option}" in section(text_of("sandbox.md"), "kobling-sandbox serve")
