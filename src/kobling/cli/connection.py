"""`kobling connection`: what holds for the connection as a whole."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling.cli.options import (
    ConfigOption,
    ExistingOption,
    JsonOption,
    one_line,
    print_json,
)
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import note, say, say_rows, wait_notice

_SETTINGS = {"name": "Setting", "value": "Value", "default": "Shipped", "meaning": "Meaning"}


def register(connection_app: typer.Typer) -> None:
    """Adds the commands of this file."""
    connection_app.command("show")(connection_show)
    connection_app.command("set")(connection_set)
    connection_app.command("setup")(connection_setup)
    connection_app.command("clean")(connection_clean)


def connection_show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The settings of the connection: what holds for all its mappings."""
    from kobling.service.connection_settings import show_connection

    document = in_session(config, show_connection)
    answer_rows(document, "settings", _SETTINGS, as_json)
    if document["base_currency"] and not as_json:
        unit = document["business_unit"]
        say(f"Sales: base currency {document['base_currency']}{f', business unit {unit}' if unit else ''}.")
    if document["paused"] and not as_json:
        note(f"The connection is paused {document['paused']}: nothing is written.")


def connection_set(
    edits: Annotated[list[str], typer.Argument(metavar="name=value...")],
    existing: ExistingOption = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Changes settings of the connection, and says what that entails; name=default takes a change back.

    `kobling connection show` lists them.
    """
    from kobling.service.connection_settings import set_connection

    document = in_session(
        config, lambda session: set_connection(session, edits, existing=existing, wait=wait_notice)
    )
    if as_json:
        print_json(document)
        return
    changed = [one for one in document["settings"] if one["name"] in document["changed"]]
    say_rows([[one[name] for name in _SETTINGS] for one in changed], list(_SETTINGS.values()))
    for one in document["entails"]:
        say(f"{one['mapping']}: {_entailed(one)}.")
    if document["entails"] and not existing:
        note("Only what changes from now on is taken in; --existing takes in the records of before, too.")


def connection_setup(
    check: Annotated[bool, typer.Option("--check", help="Say what is missing; change nothing.")] = False,
    apply: Annotated[bool, typer.Option("--apply", help="Make what can be made from here.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """What must be there on both sides: the extension, rights, the company's row, change tracking, a key.

    Exit status 1 where something is missing; its last sentence says who makes it.
    """
    if check is apply:
        raise typer.BadParameter("Say --check or --apply.")
    import asyncio

    from kobling.service.configuration import read_configuration
    from kobling.service.connection_setup import requirement_document, set_up

    found = asyncio.run(set_up(read_configuration(config), apply=apply))
    ok = all(one.met for one in found)
    if as_json:
        print_json({"ok": ok, "requirements": [requirement_document(one) for one in found]})
    else:
        for one in found:
            words = f"{one.message}. {one.cure}" if one.cure else one.message
            state = "made" if one.applied else "ok" if one.met else "MISSING"
            say(f"{state:7} {one.name}: {one_line(words)}")
    raise typer.Exit(0 if ok else 1)


def connection_clean(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As it stands under [connection].")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, what would go is told.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forgets a connection: couplings, inbox, jobs, history, schedule and settings, never a record.

    It may be another one of the same database, as that of a company that was copied. Others stay as they are.
    """
    from kobling.service.cleaning import clean_connection

    document = in_session(config, lambda session: clean_connection(session, name, yes=yes))
    if as_json:
        print_json(document)
        return
    removed = ", ".join(f"{count} {what}" for what, count in document["removed"].items())
    say(f"The connection {name!r} is clean: {removed} are gone. Every record is as it was.")


def _entailed(one: dict[str, Any]) -> str:
    """What a change of settings means for a mapping, in words."""
    pairs = f"{one['couplings']} coupled pairs"
    if one["change"] == "comes":
        return f"takes part from now on, with {pairs}"
    if one["change"] == "leaves":
        return f"takes no part any more; its {pairs} stay as they are"
    said = [
        f"{word} {', '.join(one[key])}"
        for key, word in (("rows_come", "comes:"), ("rows_leave", "leaves:"))
        if one[key]
    ]
    if one["inside"] or one["outside"] or not said:
        inside, outside = one["inside"], one["outside"]
        said.append(
            f"{inside} coupled records come inside at the next run, {outside} go outside at their next change"
        )
    return "; ".join(said)
