"""`kobling document`: single documents, asked for by a person."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption
from kobling.cli.session import finish, in_session
from kobling.cli.show import progress_bar, wait_notice

DocumentsArgument = Annotated[
    list[str], typer.Argument(metavar="ID...", help="bc:GUID, crm:GUID, a GUID of either side, or a number.")
]
document_app = typer.Typer(no_args_is_help=True, help="Single documents, with their lines.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    document_app.command("create-order")(create_order)
    document_app.command("create-invoice")(create_invoice)
    app.add_typer(document_app, name="document")


def create_order(
    records: DocumentsArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Makes sales orders of Business Central of orders that are submitted in Sales."""
    _create("SUBMITTED-ORDER", records, config, as_json)


def create_invoice(
    records: DocumentsArgument, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Makes invoices of Sales of posted sales invoices of Business Central."""
    _create("POSTEDSALESINV-INV", records, config, as_json)


def _create(mapping: str, records: list[str], config: ConfigOption, as_json: bool) -> None:
    from kobling.service.synchronize import Request, synchronize

    request = Request(mappings=(mapping,), records=tuple(records), full=True)
    with progress_bar(quiet=as_json) as progress:
        document, status = in_session(
            config, lambda session: synchronize(session, request, progress=progress, wait=wait_notice)
        )
    finish(document, status, as_json)
