"""Records that wait for a person's word: skipped ones, and what the integration user changed."""

from __future__ import annotations

from pathlib import Path

import typer

from kobling.cli.options import (
    AnyMappingArgument,
    AnyRecordArgument,
    ConfigOption,
    JsonOption,
    MappingArgument,
    RecordArgument,
    print_json,
)
from kobling.cli.session import answer_rows, finish, in_session
from kobling.cli.sheet import CsvOption, print_csv
from kobling.cli.show import say_rows, wait_notice

_SKIPPED = {
    "mapping": "Mapping",
    "number": "No.",
    "name": "Name",
    "reason": "Reason",
    "message": "Message",
    "next_try": "Next try",
    "bc_id": "BC id",
    "crm_id": "Sales id",
}
skipped_app = typer.Typer(no_args_is_help=True, help="Records that are left alone until somebody acts.")
held_app = typer.Typer(
    no_args_is_help=True,
    help="Changes in Sales by the integration user, which are not synchronized until a person says so.",
)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    skipped_app.command("list")(skipped_list)
    skipped_app.command("retry")(skipped_retry)
    skipped_app.command("restore")(skipped_restore)
    skipped_app.command("remove-coupling")(skipped_remove_coupling)
    skipped_app.command("delete")(skipped_delete)
    skipped_app.command("release")(skipped_release)
    held_app.command("list")(held_list)
    held_app.command("accept")(held_accept)
    held_app.command("ignore")(held_ignore)
    app.add_typer(skipped_app, name="skipped")
    app.add_typer(held_app, name="held")


def skipped_list(as_csv: CsvOption = False, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Records that failed or whose partner is deleted, until a person acts or they change."""
    from kobling.service.waiting import list_skipped

    document = in_session(config, list_skipped)
    if as_csv:
        print_csv(document["skipped"], {one: one for one in (*_SKIPPED, "since")})
    else:
        answer_rows(document, "skipped", _SKIPPED, as_json)


def skipped_retry(
    mapping: AnyMappingArgument = None,
    record: AnyRecordArgument = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tries skipped records again at once: all, those of a mapping, or one."""
    _speak(mapping, record, config, as_json, "tried again")


def skipped_restore(
    mapping: MappingArgument, record: RecordArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Creates the deleted record of this pair anew from the one that is left."""
    _speak(mapping, record, config, as_json, "restored", deletion="restore")


def skipped_remove_coupling(
    mapping: MappingArgument, record: RecordArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Removes the coupling of this pair, one of which is deleted; the other record stays."""
    _speak(mapping, record, config, as_json, "uncoupled", deletion="remove-coupling")


def skipped_delete(
    mapping: MappingArgument, record: RecordArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Deletes the record that is left of this pair, the other one being deleted already."""
    _speak(mapping, record, config, as_json, "deleted", deletion="delete")


def skipped_release(
    mapping: MappingArgument, record: RecordArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Creates the counterpart of a record anew though its creation was undone; it takes part again."""
    from kobling.service.undo import release

    document, status = in_session(config, lambda session: release(session, mapping, record, wait=wait_notice))
    headline = "Nothing to be released: see kobling skipped list."
    if document["records"]:
        done = document["done"] == document["records"]
        headline = "1 released." if done else "1 released, but nothing could be created of it yet:"
    finish(document, status, as_json, headline)


def held_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What the integration user changed in Sales and nobody has accepted or ignored yet."""
    from kobling.service.waiting import list_held

    document = in_session(config, list_held)
    if as_json:
        print_json(document)
        return
    rows = []
    for one in document["held"]:
        head = [one["mapping"], one["number"], one["name"]]
        tail = [one["bc_id"], one["crm_id"]]
        rows += [[*head, field, one["base"][field], one["crm"][field], *tail] for field in one["fields"]] or [
            [*head, "(new)", None, None, *tail]
        ]
    say_rows(rows, ("Mapping", "No.", "Name", "Field", "Before", "In Sales", "BC id", "Sales id"))


def held_accept(
    mapping: AnyMappingArgument = None,
    record: AnyRecordArgument = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lets held changes through at once, as if a person had made them: all, those of a mapping, or one."""
    _speak(mapping, record, config, as_json, "accepted", held="accept")


def held_ignore(
    mapping: AnyMappingArgument = None,
    record: AnyRecordArgument = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leaves held changes as they are; only later ones count. All, those of a mapping, or one."""
    _speak(mapping, record, config, as_json, "ignored", held="ignore")


def _speak(
    mapping: str | None,
    record: str | None,
    config: Path | None,
    as_json: bool,
    words: str,
    *,
    held: str = "keep",
    deletion: str = "",
) -> None:
    from kobling.engine.task import Held
    from kobling.model.mapping import DeletionConflict
    from kobling.service.waiting import Word, speak

    word = Word(
        mapping=mapping or "",
        record=record or "",
        held=Held(held),
        deletion=DeletionConflict(deletion) if deletion else None,
    )
    document, status = in_session(config, lambda session: speak(session, word, wait=wait_notice))
    headline = f"{document['done']} {words}."
    if not document["records"]:
        headline = f"Nothing to be {words}: see kobling {'skipped' if held == 'keep' else 'held'} list."
    elif document["done"] < document["records"]:
        headline += f" {document['records'] - document['done']} still stay: see the list."
    finish(document, status, as_json, headline)
