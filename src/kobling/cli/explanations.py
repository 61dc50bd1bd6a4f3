"""One record explained: why it is as it is, and what was written of it."""

from __future__ import annotations

import typer

from kobling.cli.options import ConfigOption, JsonOption, MappingArgument, RecordArgument, print_json
from kobling.cli.session import answer_rows, in_session
from kobling.cli.show import say, say_links

_CHANGES = {
    "at": "When",
    "job": "Job",
    "system": "In",
    "method": "Write",
    "field": "Field",
    "before": "Before",
    "after": "After",
    "reason": "Why",
}


def register(app: typer.Typer) -> None:
    """Adds the commands of this file."""
    app.command()(why)
    app.command()(history)


def why(
    mapping: MappingArgument,
    record: RecordArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Says why a record of either side is as it is, and what the next run would do with it."""
    from kobling.service.explanations import why as explain

    document = in_session(config, lambda session: explain(session, mapping, record))
    if as_json:
        print_json(document)
    else:
        for sentence in document["sentences"]:
            say(sentence)
        say_links(document)


def history(
    mapping: MappingArgument,
    record: RecordArgument,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every field that was written of a record and its partner: when, by which job, before and after."""
    from kobling.service.explanations import history as list_changes

    document = in_session(config, lambda session: list_changes(session, mapping, record))
    answer_rows(document, "changes", _CHANGES, as_json)
