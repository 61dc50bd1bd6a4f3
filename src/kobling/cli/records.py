"""Records one by one: couple, match, uncouple; conflicts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from kobling.cli.options import ConfigOption, JsonOption, print_json

if TYPE_CHECKING:
    from kobling.service.session import Session

_Result = TypeVar("_Result")
Mapping = Annotated[str, typer.Argument(metavar="MAPPING")]


class Use(StrEnum):
    """Whose values hold at first contact."""

    BC = "bc"
    CRM = "crm"
    LEAVE = "leave"


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
    conflict_app.command("list")(conflict_list)
    conflict_app.command("resolve")(conflict_resolve)
    app.add_typer(coupling_app, name="coupling")
    app.add_typer(conflict_app, name="conflict")


def in_session(config: Path | None, work: Callable[[Session], Awaitable[_Result]]) -> _Result:
    """Does the work in an open session."""
    import asyncio

    from kobling.service.configuration import read_configuration
    from kobling.service.session import open_session

    async def inside() -> _Result:
        async with open_session(read_configuration(config)) as session:
            return await work(session)

    return asyncio.run(inside())


def finish(document: dict[str, Any], status: int, as_json: bool, headline: str) -> None:
    from kobling.cli.show import say, say_job

    if as_json:
        print_json(document)
    else:
        say(headline)
        for job in document.get("jobs", ()):
            say_job(job)
    raise typer.Exit(status)


def couple(
    mapping: Mapping,
    bc_id: Annotated[str, typer.Argument(metavar="BC_ID")],
    crm_id: Annotated[str, typer.Argument(metavar="CRM_ID")],
    use: UseOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples two records. Without --use the next run compares them."""
    from kobling.cli.show import wait_notice
    from kobling.service.couplings import couple_records

    chosen = "" if use is None else use.value
    document, status = in_session(
        config, lambda session: couple_records(session, mapping, bc_id, crm_id, chosen, wait=wait_notice)
    )
    headline = f"{document['mapping']}: coupled {document['bc_id']} with {document['crm_id']}."
    if document["outside"]:
        headline += f" Nothing flows yet: {document['outside']}."
    finish(document, status, as_json, headline)


def couple_match(
    mapping: Mapping,
    on: Annotated[
        list[str] | None,
        typer.Option("--on", metavar='"BC FIELD=crm_field"', help="Must be equal; may be repeated."),
    ] = None,
    use: UseOption = None,
    create: Annotated[
        bool,
        typer.Option("--create", help="What has no match is created in Sales by the next run."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what matches.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples the uncoupled records of both sides that match uniquely."""
    from kobling.cli.show import wait_notice
    from kobling.service.couplings import MatchRequest, match_couplings

    request = MatchRequest(
        mapping=mapping,
        on=tuple(on or ()),
        use="" if use is None else use.value,
        create=create,
        dry_run=dry_run,
    )
    document, status = in_session(config, lambda session: match_couplings(session, request, wait=wait_notice))
    words = "would be coupled" if dry_run else "coupled"
    numbers = {key: len(document[key]) for key in ("matched", "ambiguous", "unmatched")}
    headline = (
        f"{document['mapping']}: {numbers['matched']} {words}, {numbers['ambiguous']} ambiguous,"
        f" {numbers['unmatched']} without a match."
    )
    finish(document, status, as_json, headline)


def uncouple(
    mapping: Mapping,
    record: Annotated[
        list[str] | None, typer.Option("--record", metavar="ID", help="Only this record; may be repeated.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Removes couplings; the records stay. Without --record, all of the mapping."""
    from kobling.cli.show import wait_notice
    from kobling.service.couplings import uncouple_records

    document, status = in_session(
        config, lambda session: uncouple_records(session, mapping, record or (), wait=wait_notice)
    )
    finish(document, status, as_json, f"{mapping.upper()}: {document['uncoupled']} uncoupled.")


def coupling_list(mapping: Mapping, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Every coupling of a mapping."""
    from kobling.cli.show import say_rows
    from kobling.service.couplings import list_couplings

    document = in_session(config, lambda session: list_couplings(session, mapping))
    if as_json:
        print_json(document)
        return
    keys = ("number", "bc_name", "crm_name", "bc_id", "crm_id")
    rows = [[one[key] for key in keys] for one in document["couplings"]]
    say_rows(rows, ("No.", "Name in BC", "Name in Sales", "BC id", "Sales id"))


def conflict_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Fields that were changed on both sides and wait for a person."""
    from kobling.cli.show import say_rows
    from kobling.service.waiting import list_conflicts

    document = in_session(config, list_conflicts)
    if as_json:
        print_json(document)
        return
    keys = ("mapping", "field", "base", "bc", "crm", "bc_id")
    rows = [[one[key] for key in keys] for one in document["conflicts"]]
    say_rows(rows, ("Mapping", "Field", "Before", "In BC", "In Sales", "BC id"))


def conflict_resolve(
    use: Annotated[
        str, typer.Option("--use", metavar="bc|crm|VALUE", help="Whose value holds, or a value for both.")
    ],
    mapping: Annotated[str | None, typer.Argument(metavar="[MAPPING]")] = None,
    record: Annotated[str | None, typer.Argument(metavar="[ID]")] = None,
    field: Annotated[str | None, typer.Option("--field", metavar="F", help="Only this field.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resolves conflicts at once: all, those of a mapping, of a record, or of one field."""
    from kobling.cli.show import wait_notice
    from kobling.service.waiting import Resolution, resolve_conflicts

    request = Resolution(use=use, mapping=mapping or "", record=record or "", field=field or "")
    document, status = in_session(
        config, lambda session: resolve_conflicts(session, request, wait=wait_notice)
    )
    finish(document, status, as_json, f"{document['resolved']} resolved.")
