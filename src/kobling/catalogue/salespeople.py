"""The rule of salespeople: a user who becomes one gets the next code of the series `SP NO. 00001`."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import Final

from kobling.catalogue.facts import rows_of, text_of
from kobling.model.look_up import Answer, Facts, Reference, Source
from kobling.model.mapping import Side

_SALESPEOPLE: Final = "salespeoplePurchasers"
_SERIES: Final = re.compile(r"SP NO\. ([0-9]+)", re.IGNORECASE)
_DIGITS: Final = 5


def next_codes(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Business Central: for each user's id a code that no salesperson has, in the order of the ids.

    The series goes on after 09999, where the built-in integration would find that number taken for ever.
    """
    if side is Side.RIGHT:
        return {}
    last, width = last_number(text_of(one, "code") for one in rows_of(facts, _SALESPEOPLE))
    wanted = sorted({key for key in keys if key})
    return {key: f"SP NO. {last + step:0{width}}" for step, key in enumerate(wanted, start=1)}


def last_number(codes: Iterable[str]) -> tuple[int, int]:
    """The highest number of the series among these codes, and how many digits it is written with."""
    found = [one[1] for one in map(_SERIES.fullmatch, codes) if one]
    highest = max(found, key=int, default="0" * _DIGITS)
    return int(highest), max(len(highest), _DIGITS)


REFERENCES: Final = (
    Reference(
        name=_SALESPEOPLE, side=Side.LEFT, route="salespeoplePurchasers", columns=("code",), table_id=13
    ),
)
SOURCES: Final = (Source(name="salesperson_codes", references=(_SALESPEOPLE,), resolve=next_codes),)
