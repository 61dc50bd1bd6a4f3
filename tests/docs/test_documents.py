"""Aim: what the documents name is there: links, commands with their options, settings and files.

Method: every Markdown file of the project is read; what it names is looked for in the program and the tree.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
import typer.main

from kobling.cli.main import app
from kobling.service.configuration import SECTIONS

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TYPED = re.compile(r"^(?:[A-Z_]+=\S+ )?(?:\S*/)?(kobling .*)$")
_INLINE = re.compile(r"`([^`\n]+)`")
_VARIABLE = re.compile(r"\bKOBLING_[A-Z_]+\b")
_PATH = re.compile(r"^(?:src|tests|docs)/[\w./-]+$")
# Beside the settings; the last one stands for any of them.
_VARIABLES = {"KOBLING_CONFIG", "KOBLING_DEBUG", "KOBLING_"}
_PLACEHOLDER = re.compile(r"[\[{<]?[A-Z_]+[\]}>]?|\.\.\.")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a page get."""
    titles = [re.sub(r"[`*]", "", one) for one in _HEADING.findall(_FENCE.sub("", text))]
    return {re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in titles}


def dead_links(text: str, folder: Path) -> Iterator[str]:
    """Links to files of the project, or to headings, that are not there."""
    for target in _LINK.findall(text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (folder / file).resolve()
        page = path.read_text(encoding="utf-8") if file and path.is_file() else text
        if not path.exists() or (anchor and anchor not in anchors(page)):
            yield target


def typed(text: str) -> Iterator[str]:
    """Every command line of kobling in a document: in blocks that are typed, and in the running text."""
    for kind, block in _FENCE.findall(text):
        lines = [one.removeprefix("$ ") for one in block.splitlines() if kind == "sh" or one.startswith("$ ")]
        for line in lines if kind in {"sh", "console"} else ():
            found = _TYPED.search(line)
            if found:
                yield found[1]
    for code in _INLINE.findall(_FENCE.sub("", text)):
        if code.startswith("kobling "):
            yield code


def unknown(line: str) -> str:
    """What of a command line the program does not know; '' where all is known."""
    words = list(takewhile(lambda one: set(one) - set("();<>|&"), _words(line)))[1:]
    command: Any = typer.main.get_command(app)
    options = _options(command)
    while words:
        word = words.pop(0)
        name = word.partition("=")[0]
        children = getattr(command, "commands", {})
        if word.startswith("-") and name not in {"--help", "..."}:
            if name not in options:
                return word
            if not options[name].is_flag and "=" not in word:
                words = words[1:]
        elif children and word in children:
            command = children[word]
            options |= _options(command)
        elif children and not _PLACEHOLDER.fullmatch(word):
            return word
    return ""


def _words(line: str) -> Iterator[str]:
    reader = shlex.shlex(line, posix=True, punctuation_chars=True)
    reader.whitespace_split = True
    reader.commenters = "#"
    return iter(reader)


def _options(command: Any) -> dict[str, Any]:
    given = [one for one in command.params if one.param_type_name == "option"]
    return {name: one for one in given for name in (*one.opts, *one.secondary_opts)}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert list(dead_links(path.read_text(encoding="utf-8"), path.parent)) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_that_is_named_exists(path: Path) -> None:
    lines = typed(path.read_text(encoding="utf-8"))
    assert [(line, one) for line in lines if (one := unknown(line))] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_variable_that_is_named_exists(path: Path) -> None:
    known = {f"KOBLING_{name}_{key}".upper() for name, keys in SECTIONS.items() for key in keys}
    assert set(_VARIABLE.findall(path.read_text(encoding="utf-8"))) - known - _VARIABLES == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_file_that_is_named_exists(path: Path) -> None:
    named = {one for one in _INLINE.findall(path.read_text(encoding="utf-8")) if _PATH.match(one)}
    assert {one for one in named if not (ROOT / one).exists()} == set()


def test_every_document_is_reached_from_the_read_me() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md"]
    while waiting:
        path = waiting.pop()
        if path in reached or path.suffix != ".md":
            continue
        reached.add(path)
        links = [one.partition("#")[0] for one in _LINK.findall(path.read_text(encoding="utf-8"))]
        waiting += [(path.parent / one).resolve() for one in links if one and ":" not in one]
    assert [name_of(one) for one in DOCUMENTS if one not in reached] == []


@pytest.mark.parametrize(
    "line",
    [
        "kobling sinc --all",
        "kobling sync --everything",
        "kobling job lists",
        "kobling mapping set CUSTOMER --exist",
    ],
)
def test_a_wrong_command_is_seen(line: str) -> None:
    assert unknown(line)


@pytest.mark.parametrize(
    "line",
    [
        "kobling sync --all --json | jq .jobs",
        "kobling mapping set CUSTOMER bc_filter=\"Blocked = '' AND City = Oslo\" --existing",
        "kobling --config other.toml sync CUSTOMER --full",
        "kobling couple-match",
    ],
)
def test_a_right_command_is_not_complained_of(line: str) -> None:
    assert unknown(line) == ""


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# One title\n", encoding="utf-8")
    text = "[a](there.md) [b](there.md#one-title) [c](there.md#two) [d](gone.md) [e](#nowhere) [f](http://x)"
    assert list(dead_links(text, tmp_path)) == ["there.md#two", "gone.md", "#nowhere"]
