"""The rules of products: what an item's or resource's state is in Sales, and whose it is bought from."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from kobling.catalogue.facts import first_of, rows_of, text_of, to_sales
from kobling.model.look_up import Answer, Facts, Outside, Reference, Rows, Source
from kobling.model.mapping import Side

_VENDORS: Final = "vendors"
_SETUP: Final = "salesReceivablesSetup"
_ACTIVE: Final = 0
_RETIRED: Final = 1


def product_states(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: what is blocked is retired, else active. To Business Central: what is not active, blocked."""
    if side is Side.RIGHT:
        return {key: _RETIRED if key == str(True) else _ACTIVE for key in keys}
    return {key: key != str(_ACTIVE) for key in keys}


@to_sales
def vendor_names(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the name of the vendor with this number; blank for a number that no vendor has."""
    found = {key: first_of(rows_of(facts, _VENDORS), "no", key) for key in keys}
    return {key: "" if row is None else text_of(row, "name") for key, row in found.items()}


def vendors_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The vendors that changed."""
    return sorted({text_of(one, "no") for one in changed.get(_VENDORS, [])})


@to_sales
def not_write_in(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the number itself; the write-in product of the set-up is outside."""
    own = {text_of(one, "writeInProductNo").upper() for one in rows_of(facts, _SETUP)} - {""}
    return {key: _write_in(key) if key.upper() in own else key for key in keys}


def _write_in(number: str) -> Outside:
    words = f"{number} is the write-in product of Sales & Receivables Setup, which is no product of Sales"
    return Outside(words, f"products_but_write_in/{number}")


def setup_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The numbers that were or are the write-in product."""
    return sorted({text_of(one, "writeInProductNo") for one in changed.get(_SETUP, [])} - {""})


REFERENCES: Final = (
    Reference(name=_VENDORS, side=Side.LEFT, route=_VENDORS, columns=("no", "name"), table_id=23),
    Reference(name=_SETUP, side=Side.LEFT, route=_SETUP, columns=("writeInProductNo",), table_id=311),
)
SOURCES: Final = (
    Source(name="product_states", resolve=product_states),
    Source(name="vendor_names", references=(_VENDORS,), resolve=vendor_names, touched=vendors_touched),
    Source(name="products_but_write_in", references=(_SETUP,), resolve=not_write_in, touched=setup_touched),
)
