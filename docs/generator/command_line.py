"""Every command with its options, as Typer knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer.main

from kobling.cli.main import app

from .markdown import cell, code, page, table

_HEAD = """\
Every command of `kobling`. `python -m kobling` is the same program.

An `ID` is `bc:GUID`, `crm:GUID`, a bare GUID of either side, or the number of a record in Business Central.
With `--json` a command prints one JSON document on stdout and nothing else; see [JSON](json.md). What it says
besides goes to stderr. How a command ends is in [Exit status](exit-status.md).

In a usage, `{X}` must be given, `[X]` may be left out, and `...` means one or more."""
# What stands in every command, and is told once.
_COMMON = ("--config", "--json", "--help")


def commands() -> Iterator[tuple[str, Any]]:
    """(name as typed, command) of every command that does something, in alphabetical order."""
    yield from sorted(_below("kobling", typer.main.get_command(app)), key=lambda one: one[0])


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for word, child in children.items():
        yield from _below(f"{name} {word}", child)


def command_line_page() -> str:
    """The page."""
    known = list(commands())
    root = typer.main.get_command(app)
    context = root.context_class(root, info_name="kobling")
    common = [_row(one, context) for one in root.params]
    index = [(f"[`{name}`](#{_anchor(name)})", _first(command.help)) for name, command in known]
    return page(
        "Command line",
        _HEAD,
        table(("Command", "What it does"), index),
        "## Options of every command",
        "`--config` and `--json` may stand before or after the name of the command.",
        table(("Option", "Meaning"), common),
        *(_section(name, command) for name, command in known),
    )


def _anchor(name: str) -> str:
    return name.replace(" ", "-")


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0]


def _section(name: str, command: Any) -> str:
    context = command.context_class(command, info_name=name)
    parts = [f"## {name}", (command.help or "").strip()]
    usage = " ".join([name, *(_plain(one) for one in command.collect_usage_pieces(context))])
    parts.append(f"```\n{usage}\n```")
    rows = [_row(one, context) for one in command.params if not set(one.opts) & set(_COMMON)]
    # The usage shows which arguments are needed.
    rows = [one for one in rows if one[0].startswith("`-") or one[1] not in {"", "[required]"}]
    if rows:
        parts.append(table(("Option", "Meaning"), rows))
    return "\n\n".join(parts)


def _row(parameter: Any, context: Any) -> tuple[str, str]:
    shown, meaning = parameter.get_help_record(context) or ("", "")
    return code(cell(_plain(shown))).replace("\\|", "|"), meaning


def _plain(text: str) -> str:
    """Without the words about Python's types, and without a bracket that stands twice."""
    text = re.sub(r" <list\[str\]>| <str>| <Path>", "", text).replace("<int range>", "N")
    return re.sub(r"\[\[(\S+?)\](\.\.\.)?\](\.\.\.)?", r"[\1]\3", text)
