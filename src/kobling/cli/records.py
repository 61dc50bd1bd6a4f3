"""Records one by one: couple, match, uncouple; conflicts."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from kobling.cli.options import (
    AnyMappingArgument,
    AnyRecordArgument,
    ConfigOption,
    JsonOption,
    MappingArgument,
    RecordArgument,
    RecordsOption,
    Use,
)
from kobling.cli.session import answer_rows, finish, in_session
from kobling.cli.sheet import CsvOption, print_csv
from kobling.cli.sheet import register as register_sheets
from kobling.cli.show import note, wait_notice

_COUPLINGS = {
    "number": "No.",
    "bc_name": "Name in BC",
    "crm_name": "Name in Sales",
    "bc_id": "BC id",
    "crm_id": "Sales id",
}
_CANDIDATES = {"number": "No.", "name": "Name", "bc_id": "BC id", "crm_id": "Sales id"}
_FIELDS = {"field": "Field", "bc": "In BC", "crm": "In Sales", "direction": "Direction"}
_CONFLICTS = {
    "mapping": "Mapping",
    "field": "Field",
    "base": "Before",
    "bc": "In BC",
    "crm": "In Sales",
    "bc_id": "BC id",
}


UseOption = Annotated[
    Use | None,
    typer.Option(
        "--use",
        help="Whose values hold where both sides have one; leave: both stay as they are. Settled at once.",
    ),
]
coupling_app = typer.Typer(no_args_is_help=True, help="Couplings.")
conflict_app = typer.Typer(no_args_is_help=True, help="Fields that were changed on both sides.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(couple)
    app.command("couple-match")(couple_match)
    app.command()(uncouple)
    coupling_app.command("list")(coupling_list)
    register_sheets(coupling_app)
    coupling_app.command("candidates")(coupling_candidates)
    coupling_app.command("create")(coupling_create)
    coupling_app.command("find-deleted")(coupling_find_deleted)
    conflict_app.command("list")(conflict_list)
    conflict_app.command("resolve")(conflict_resolve)
    app.add_typer(coupling_app, name="coupling")
    app.add_typer(conflict_app, name="conflict")


def couple(
    mapping: MappingArgument,
    bc_id: Annotated[str, typer.Argument(metavar="BC_ID")],
    crm_id: Annotated[str, typer.Argument(metavar="CRM_ID")],
    use: UseOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what both hold, field by field.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples two records. Without --use the next run compares them."""
    from kobling.service.couplings import couple_records

    chosen = "" if use is None else use.value
    document, status = in_session(
        config,
        lambda session: couple_records(
            session, mapping, bc_id, crm_id, chosen, wait=wait_notice, dry_run=dry_run
        ),
    )
    if dry_run:
        answer_rows(document, "fields", _FIELDS, as_json)
        return
    headline = f"{document['mapping']}: coupled {document['bc_id']} with {document['crm_id']}."
    if document["outside"]:
        headline += f" Nothing flows yet: {document['outside']}."
    finish(document, status, as_json, headline)


def couple_match(
    mapping: MappingArgument,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar='"BC FIELD=crm_field"', help="Must be equal; may be repeated."),
    ] = None,
    use: UseOption = None,
    create: Annotated[
        bool,
        typer.Option("--create", help="What nothing matches is created in Sales."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what matches.")] = False,
    record: RecordsOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples the uncoupled records of both sides that match uniquely."""
    from kobling.service.matching import MatchRequest, match_couplings

    request = MatchRequest(
        mapping=mapping,
        on=tuple(on or ()),
        use="" if use is None else use.value,
        create=create,
        dry_run=dry_run,
        records=tuple(record or ()),
    )
    document, status = in_session(config, lambda session: match_couplings(session, request, wait=wait_notice))
    words = "would be coupled" if dry_run else "coupled"
    numbers = {key: len(document[key]) for key in ("matched", "ambiguous", "unmatched")}
    headline = (
        f"{document['mapping']}: {numbers['matched']} {words}, {numbers['ambiguous']} ambiguous,"
        f" {numbers['unmatched']} without a match."
    )
    # A single reason is what the headline says.
    reasons = document["reasons"] if len(document["reasons"]) > 1 else ()
    lines = [f"  {one['records']}: {one['reason']}" for one in reasons]
    lines += [f"  {one['bc_id']}: {one['reason']}" for one in document["skipped"]]
    if dry_run:
        lines += _matches(document)
    if not as_json:
        # What the search did is said in the headline; its job lists the records one by one.
        document["jobs"] = [one for one in document["jobs"] if one["kind"] != "match"]
    finish(document, status, as_json, "\n".join([headline, *lines]))


def _matches(document: dict[str, Any]) -> list[str]:
    """A line for each record that was looked for, in the order of what becomes of it."""
    return [
        *(f"  {_called(one)}: with {one['crm_id']}" for one in document["matched"]),
        *(
            f"  ambiguous: {' and '.join(one['bc_ids'])} with {' and '.join(one['crm_ids'])}"
            for one in document["ambiguous"]
        ),
        *(
            f"  {_called(one)}: {'created, as ' if one['created'] else ''}{one['reason']}"
            for one in document["unmatched"]
        ),
    ]


def _called(record: dict[str, Any]) -> str:
    return " ".join(one for one in (record["number"], record["name"]) if one)


def coupling_create(
    mapping: MappingArgument,
    records: Annotated[list[str], typer.Argument(metavar="ID...")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Creates the counterparts of these records on the other side, and couples them."""
    from kobling.service.counterparts import create_counterparts

    document, status = in_session(
        config, lambda session: create_counterparts(session, mapping, records, wait=wait_notice)
    )
    headline = f"{document['mapping']}: {len(document['created'])} created and coupled."
    lines = [f"  {one['bc_id'] or one['crm_id']}: {one['reason']}" for one in document["skipped"]]
    finish(document, status, as_json, "\n".join([headline, *lines]))


def uncouple(
    mapping: MappingArgument,
    record: RecordsOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be uncoupled.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Removes couplings; the records stay. Without --record, all of the mapping."""
    from kobling.service.couplings import uncouple_records

    document, status = in_session(
        config,
        lambda session: uncouple_records(session, mapping, record or (), wait=wait_notice, dry_run=dry_run),
    )
    words = "would be uncoupled" if dry_run else "uncoupled"
    lines = [
        f"  {one['mapping']} {one['number'] or one['bc_id']}"
        + ("; the company's mark is taken off" if one["mark_removed"] else "")
        for one in document["pairs"]
    ]
    headline = f"{document['mapping']}: {document['uncoupled']} {words}."
    finish(document, status, as_json, "\n".join([headline, *lines]))


def coupling_list(mapping: MappingArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every coupling of a mapping."""
    from kobling.service.couplings import list_couplings

    document = in_session(config, lambda session: list_couplings(session, mapping))
    answer_rows(document, "couplings", _COUPLINGS, as_json)


def coupling_candidates(
    mapping: MappingArgument,
    record: RecordArgument,
    search: Annotated[
        str, typer.Option("--search", metavar="TEXT", help="Only those that hold this text in some field.")
    ] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help="At most so many.")
    ] = 50,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """The records of the other side that a record may be coupled with: inside the filter, and not coupled."""
    from kobling.service.candidates import list_candidates

    document = in_session(
        config, lambda session: list_candidates(session, mapping, record, search=search, limit=limit)
    )
    if not as_json and document["coupled_with"]:
        note(f"It is coupled with {document['coupled_with']} already; uncouple it before.")
    answer_rows(document, "candidates", _CANDIDATES, as_json)
    if not as_json and document["more"]:
        note("There are more: search for a text, or raise --limit.")


def coupling_find_deleted(
    mapping: MappingArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Asks for every coupled record of a mapping; the next run looks at those that are missing."""
    from kobling.service.couplings import find_deleted_records

    document, status = in_session(
        config, lambda session: find_deleted_records(session, mapping, wait=wait_notice)
    )
    missing = sum(len(one) for one in document["missing"].values())
    finish(
        document,
        status,
        as_json,
        f"{document['mapping']}: {missing} of {document['checked']} pairs lack a record.",
    )


def conflict_list(
    as_csv: CsvOption = False, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Fields that were changed on both sides and wait for a person."""
    from kobling.service.waiting import list_conflicts

    document = in_session(config, list_conflicts)
    if as_csv:
        print_csv(document["conflicts"], {one: one for one in (*_CONFLICTS, "crm_id")})
    else:
        answer_rows(document, "conflicts", _CONFLICTS, as_json)


def conflict_resolve(
    use: Annotated[
        str, typer.Option("--use", metavar="bc|crm|VALUE", help="Whose value holds, or a value for both.")
    ],
    mapping: AnyMappingArgument = None,
    record: AnyRecordArgument = None,
    field: Annotated[str | None, typer.Option("--field", metavar="F", help="Only this field.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resolves conflicts at once: all, those of a mapping, of a record, or of one field."""
    from kobling.service.waiting import Resolution, resolve_conflicts

    request = Resolution(use=use, mapping=mapping or "", record=record or "", field=field or "")
    document, status = in_session(
        config, lambda session: resolve_conflicts(session, request, wait=wait_notice)
    )
    finish(document, status, as_json, f"{document['resolved']} resolved.")
