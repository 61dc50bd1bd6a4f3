"""`kobling option`: which code of Business Central stands for which option of Sales."""

from __future__ import annotations

from typing import Annotated

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, MappingsArgument, print_json
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import say_rows, wait_notice

_OPTIONS = {"mapping": "Mapping", "code": "Code", "value": "Option", "label": "Label", "state": "State"}
option_app = typer.Typer(no_args_is_help=True, help="Option mappings.")


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    option_app.command("list")(option_list)
    option_app.command("set")(option_set)
    app.add_typer(option_app, name="option")


def option_list(
    mappings: MappingsArgument = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Which code stands for which option, both ways, and why."""
    from kobling.service.options import list_options

    document = in_session(config, lambda session: list_options(session, mappings or ()))
    answer_rows(document, "options", _OPTIONS, as_json)


def option_set(
    mapping: MappingArgument,
    code: Annotated[str, typer.Argument(metavar="CODE")],
    option: Annotated[str, typer.Argument(metavar="OPTION")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Couples a code with an option, by its value or label; blank: it stands for none; default: as before."""
    from kobling.service.options import set_option

    document = in_session(
        config, lambda session: set_option(session, mapping, code, option, wait=wait_notice)
    )
    if as_json:
        print_json(document)
    else:
        say_rows([[document["option"][one] for one in _OPTIONS]], list(_OPTIONS.values()))
