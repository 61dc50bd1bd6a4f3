"""The JSON documents of the commands that administer mappings; see `documents`."""

from __future__ import annotations

from typing import Final

Keys = dict[str, tuple[str, str]]

_SHOWN: Final[Keys] = {
    "name": ("text", "The mapping."),
    "variants": ("list of [variant](#variant)", "The variant that is there."),
    "set_aside": ("list of [set aside](#set-aside), optional", "Stored changes that do not fit any more."),
}
_CARRIED_OUT: Final[Keys] = {
    "applied": ("true or false", "Whether it was carried out; else it was only shown."),
    "changed": ("list of text", "The mappings that are different."),
    "differences": ("list of [edit](#edit)", "Every single difference."),
    "consequences": ("list of [consequence](#consequence)", "What it does to coupled pairs."),
}
COMMANDS: Final[dict[str, Keys]] = {
    "pause": {"paused": ("text", "Since when, and why.")},
    "resume": {
        "paused": ("text or null", "Null where nothing is stopped any more; else since when, and why."),
        "was": ("text or null", "Since when it was stopped, and why; null where it was not."),
    },
    "mapping new": {**_SHOWN, "note": ("text", "What to know of the new mapping; empty where nothing is.")},
    "mapping export": {
        "format": ("number", "The format of the file."),
        "mappings": ("list of text", "The mappings that are in it."),
        "file": ("text or null", "Where it was written to."),
        "text": ("text", "The YAML text."),
    },
    "mapping import": _CARRIED_OUT,
    "mapping reset": _CARRIED_OUT,
    "mapping delete": {"deleted": ("text", "The mapping that is no longer there.")},
    **{
        f"template {one}": {
            "templates": ("list of [template](#template)", "In the order in which they are tried.")
        }
        for one in ("list", "set", "remove")
    },
    "option list": {"options": ("list of [option](#option)", "Codes first, then options without a code.")},
    "option set": {"option": ("[option](#option)", "As it is now.")},
}
SHAPES: Final[dict[str, Keys]] = {
    "template": {
        "mapping": ("text", "The mapping."),
        "side": ("text", "Where records are created: `bc` or `crm`."),
        "name": ("text", "Its name; `shipped` stands beside whichever is taken."),
        "priority": ("number or null", "The lowest that fits is taken."),
        "filter": ("text", "Which source records it is for; empty for all."),
        "values": ("object", "What it gives, by field."),
    },
    "edit": {
        "mapping": ("text", "The mapping."),
        "key": ("text", "The key; of a field with its name before it; empty for a whole mapping."),
        "before": ("any", "What it is; null as shipped."),
        "after": ("any", "What it becomes; null as shipped."),
    },
    "consequence": {
        "mapping": ("text", "The mapping."),
        "message": ("text", "What changes for its coupled pairs, and for how many."),
    },
    "set aside": {
        "what": ("text", "The key or the field; empty for the mapping as a whole."),
        "message": ("text", "Why it does not fit."),
        "cure": ("text", "What to do."),
    },
    "option": {
        "mapping": ("text", "The option mapping."),
        "field": ("text", "The field of accounts in Dataverse."),
        "code": ("text", "The code in Business Central; of an option without one, the code that it makes."),
        "bc_id": ("text or null", "The record of the code; null where there is none."),
        "value": ("number or null", "The value of the option; null where there is none."),
        "label": ("text or null", "Its label."),
        "crm_id": ("text or null", "The id under which the option is coupled."),
        "state": (
            "text",
            "`coupled`; `label`, where nothing is coupled and the label says it; `blank`, where a person "
            "said that the code stands for no option; `no option`, `no code`.",
        ),
    },
}
