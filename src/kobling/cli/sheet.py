"""Lists as spreadsheets: couplings out and in, conflicts and skipped records out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, Use
from kobling.cli.session import finish, in_session
from kobling.cli.show import note, wait_notice

CsvOption = Annotated[bool, typer.Option("--csv", help="Print a CSV file that a spreadsheet opens.")]
_COLUMNS = {one: one for one in ("bc_id", "number", "bc_name", "crm_id", "crm_name")}


def register(coupling_app: typer.Typer) -> None:
    """Adds the commands of this file."""
    coupling_app.command("export")(coupling_export)
    coupling_app.command("import")(coupling_import)
    coupling_app.command("rebuild")(coupling_rebuild)
    coupling_app.command("repair")(coupling_repair)


def print_csv(entries: list[dict[str, Any]], titles: Mapping[str, str]) -> None:
    """A CSV file on stdout; no cell of it is a formula. titles: by entry key."""
    from kobling.service.coupling_sheet import csv_text

    sys.stdout.write(csv_text(entries, titles))


def coupling_export(
    mapping: MappingArgument,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Write it there, not on stdout.")
    ] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every coupling of a mapping as CSV, which coupling import takes."""
    from kobling.cli.options import print_json
    from kobling.service.coupling_sheet import csv_text, write_sheet
    from kobling.service.couplings import list_couplings

    document = in_session(config, lambda session: list_couplings(session, mapping))
    if file is not None:
        write_sheet(file, csv_text(document["couplings"], _COLUMNS))
    if as_json:
        print_json(document)
    elif file is None:
        sys.stdout.write(csv_text(document["couplings"], _COLUMNS))
    else:
        note(f"{len(document['couplings'])} couplings written to {file}.")


def coupling_import(
    mapping: MappingArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE")],
    use: Annotated[Use | None, typer.Option("--use", help="Whose values hold; settled at once.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would become of each row.")
    ] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples the pairs of a CSV file with the columns bc_id or number, and crm_id."""
    from kobling.service.coupling_sheet import import_couplings

    chosen = "" if use is None else use.value
    document, status = in_session(
        config,
        lambda session: import_couplings(session, mapping, file, chosen, dry_run=dry_run, wait=wait_notice),
    )
    words = "would be coupled" if dry_run else "coupled"
    counts = {one["fate"]: one["rows"] for one in document["fates"]}
    headline = f"{document['mapping']}: {counts.pop('couple', 0)} of {len(document['rows'])} rows {words}."
    lines = [f"  {number}: {fate}" for fate, number in counts.items()]
    for one in document["rows"]:
        if one["fate"] != "coupled already" and (one["message"] or one["outside"]):
            words = one["message"] or f"nothing flows yet: {one['outside']}"
            lines.append(f"  line {one['line']}: {words}")
    finish(document, status, as_json, "\n".join([headline, *lines]))


def coupling_rebuild(
    mapping: MappingArgument,
    use: Annotated[
        Use | None,
        typer.Option("--use", help="Whose values hold, settled at once; else both stay."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be coupled.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finds couplings anew after the database was lost, or an older one restored."""
    from kobling.service.rebuilding import rebuild_couplings

    chosen = "" if use is None else use.value
    document, status = in_session(
        config, lambda session: rebuild_couplings(session, mapping, chosen, dry_run=dry_run, wait=wait_notice)
    )
    by = [one["by"] for one in document["coupled"]]
    words = "would be coupled" if dry_run else "coupled"
    headline = (
        f"{document['mapping']}: {len(by)} {words} again, {by.count('id')} by their ids and"
        f" {by.count('match')} by matching; {len(document['left_over'])} records of Sales without a partner."
    )
    lines = [f"  {one}: couple it by hand" for one in document["left_over"]]
    finish(document, status, as_json, "\n".join([headline, *lines]))


def coupling_repair(
    mapping: MappingArgument,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is broken.")] = False,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Finds broken couplings, such as those of deleted records, and mends them."""
    from kobling.service.rebuilding import repair_couplings

    document, status = in_session(
        config, lambda session: repair_couplings(session, mapping, dry_run=dry_run, wait=wait_notice)
    )
    broken = document["broken"]
    headline = f"{document['mapping']}: {len(broken)} of {document['checked']} couplings are broken."
    lines = [
        f"  {one['number'] or one['bc_id']}: {one['fault']}; {one['cure'] or one['mended']}" for one in broken
    ]
    lines += [
        f"  {one['name'] or one['bc_id'] or one['crm_id']}: {one['reason']}. {one['cure']}"
        for one in document["beside"]
    ]
    finish(document, status, as_json, "\n".join([headline, *lines]))
