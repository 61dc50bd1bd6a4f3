"""The rules of opportunities: whom they are with, and what their active entry estimates.

Business Central keeps the estimates in the entries of an opportunity. A new entry changes what the
opportunity shows, but not the opportunity itself, so the entries are a table that wakes it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final

import msgspec

from kobling.catalogue.contact import RELATIONS, SETUP, companies_touched, customer_of
from kobling.catalogue.facts import all_of, rows_of, text_of, to_sales
from kobling.model.look_up import Answer, Facts, Reference, Resolver, Rows, Source, Through
from kobling.model.mapping import Side

_ENTRIES: Final = "opportunityEntries"
_CONTACTS: Final = ("CONTACT",)
_CUSTOMERS: Final = ("CUSTOMER",)


@to_sales
def opportunity_contacts(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the coupled contact; an opportunity with one that has no place in CONTACT is outside."""
    return {key: _contact(key) if key else "" for key in keys}


def _contact(number: str) -> Through:
    return Through(key=number, what=f"its contact {number}", via=_CONTACTS, coupled_is_enough=True)


@to_sales
def opportunity_accounts(facts: Facts, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: the account of the customer whose company it is; blank where it is no customer's."""
    return {key: _account_of(facts, key) if key else "" for key in keys}


def _account_of(facts: Facts, company: str) -> Answer | Through:
    found = customer_of(facts, company)
    return "" if found is None else msgspec.structs.replace(found, coupled_is_enough=True)


def _of_active_entry(column: str, nothing: Answer, *, whole: bool = False) -> Resolver:
    """A resolver that answers with this column of an opportunity's active entry, `nothing` without one."""

    def resolve(facts: Facts, keys: Collection[str]) -> dict[str, Answer]:
        """To Sales: what the active entry of the opportunity holds."""
        return {key: _held(facts, key, column, nothing, whole) for key in keys}

    return to_sales(resolve)


def _held(facts: Facts, number: str, column: str, nothing: Answer, whole: bool) -> Answer:
    entries = all_of(rows_of(facts, _ENTRIES), "opportunityNo", number)
    active: dict[str, Any] | None = next((one for one in entries if one.get("active")), None)
    value: Answer = nothing if active is None else active[column]
    if whole and isinstance(value, int | Decimal):
        return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))
    return value


def opportunities_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The opportunities whose entries changed."""
    return sorted({text_of(one, "opportunityNo") for one in changed.get(_ENTRIES, [])})


def _estimate(name: str, column: str, nothing: Answer, *, whole: bool = False) -> Source:
    resolve = _of_active_entry(column, nothing, whole=whole)
    return Source(name=name, references=(_ENTRIES,), resolve=resolve, touched=opportunities_touched)


REFERENCES: Final = (
    Reference(
        name=_ENTRIES,
        side=Side.LEFT,
        route=_ENTRIES,
        columns=(
            "opportunityNo",
            "active",
            "estimatedValueLCY",
            "estimatedCloseDate",
            "probability",
            "calcdCurrentValueLCY",
        ),
        table_id=5093,
    ),
)
SOURCES: Final = (
    Source(name="opportunity_contacts", resolve=opportunity_contacts, via=_CONTACTS),
    Source(
        name="opportunity_accounts",
        references=(RELATIONS, SETUP),
        resolve=opportunity_accounts,
        touched=companies_touched,
        via=_CUSTOMERS,
    ),
    _estimate("opportunity_values", "estimatedValueLCY", 0),
    _estimate("opportunity_closing_dates", "estimatedCloseDate", ""),
    _estimate("opportunity_probabilities", "probability", 0, whole=True),
    _estimate("opportunity_current_values", "calcdCurrentValueLCY", 0),
)
