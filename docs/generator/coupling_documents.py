"""The JSON documents of the commands about which records may be coupled; see `documents`."""

from __future__ import annotations

from typing import Final

Keys = dict[str, tuple[str, str]]

LINKS: Final[Keys] = {
    "bc_url": (
        "text or null",
        "Where people open the record of Business Central; null where it has no page of its own, and where "
        "the [address of the web client](configuration.md#bc) is not known.",
    ),
    "crm_url": (
        "text or null",
        "Where people open the record of Sales; null where it is a value of a choice.",
    ),
}
COMMANDS: Final[dict[str, Keys]] = {
    "coupling candidates": {
        "mapping": ("text", "The mapping."),
        "bc_table": ("text", "Its table of Business Central."),
        "crm_entity": ("text", "Its table of Dataverse."),
        "record": ("[candidate](#candidate)", "The record that was asked for."),
        "coupled_with": ("text or null", "The id of its partner; null where it has none."),
        "candidates": ("list of [candidate](#candidate)", "Records of the other side."),
        "more": ("true or false", "Whether there are more of them."),
    },
}
SHAPES: Final[dict[str, Keys]] = {
    "beside": {
        "bc_id": ("text or null", "Its id in Business Central; null of a record of Sales."),
        "crm_id": ("text or null", "Its id in Sales; null of a record of Business Central."),
        "name": ("text", "Its name."),
        "reason": ("text", "Why it is told."),
        "cure": ("text", "What a person may do."),
    },
    "candidate": {
        "bc_id": ("text or null", "Its id in Business Central; null of a record of Sales."),
        "crm_id": ("text or null", "Its id in Sales; null of a record of Business Central."),
        "number": ("text or null", "What it is known by; null where its table has no numbers."),
        "name": ("text", "Its name."),
        "fields": ("object", "What it holds now, by the field rows that join the two tables."),
    },
}
