"""`kobling alert`: what is wrong though nobody looks, and the ways on which people are told of it."""

from __future__ import annotations

import typer

from kobling.cli.options import ConfigOption, JsonOption, one_line, print_json
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import say

_TITLES = {"kind": "Alert", "message": "What", "cure": "Cure", "since": "Since"}
alert_app = typer.Typer(
    no_args_is_help=True, help="What is wrong though nobody looks; `kobling worker` tells people of it."
)


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    alert_app.command("list")(alert_list)
    alert_app.command("test")(alert_test)
    app.add_typer(alert_app, name="alert")


def alert_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """What is wrong now: entries that fail or stand still, records that wait, what expires."""
    from kobling.service.alerts import list_alerts

    answer_rows(in_session(config, list_alerts), "alerts", _TITLES, as_json, cell=lambda one: one or "")


def alert_test(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Sends a message by mail and by web hook, as far as they are configured."""
    from kobling.service.notify import try_channels

    document, status = in_session(config, try_channels)
    if as_json:
        print_json(document)
    else:
        for one in document["channels"]:
            say(f"{one['channel']}: {one_line(' '.join((one['message'], one['cure'])).strip())}")
    raise typer.Exit(status)
