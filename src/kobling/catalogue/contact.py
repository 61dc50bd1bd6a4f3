"""The rules of contacts: whose account a contact belongs to, and which salutation its free text means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from kobling.catalogue.facts import all_of, by_code, first_of, missing, rows_of, text_of
from kobling.model.look_up import KEEP, Answer, Facts, Outside, Reference, Rows, Source, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing

_ACCOUNTS: Final = "contact_accounts"
_RELATIONS: Final = "contactBusinessRelations"
_SETUP: Final = "marketingSetup"
_SALUTATIONS: Final = "salutations"
_CUSTOMER: Final = "Customer"
_VENDOR: Final = "Vendor"


def contact_accounts(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: a company's number goes through its relation to a customer, and that one's coupling.

    To Business Central: the account goes through its coupling.
    """
    if side is Side.LEFT:
        return {key: Through(key=key, what=f"its account {key}") if key else "" for key in keys}
    return {key: _customer_of(facts, key) if key else "" for key in keys}


def _customer_of(facts: Facts, company: str) -> Answer | Through:
    rows, waits = all_of(rows_of(facts, _RELATIONS), "contactNo", company), f"{_ACCOUNTS}/{company}"
    code = _relation_code(facts)
    if not code:
        words = "Marketing Setup has no Bus. Rel. Code for Customers, so no customer is known; fill it in"
        return Outside(words, waits)
    customer = next((text_of(one, "no") for one in rows if _is_customer(one, code)), "")
    if customer:
        return Through(key=customer, what=f"customer {customer} of its company {company}")
    vendor = next((text_of(one, "no") for one in rows if text_of(one, "linkToTable") == _VENDOR), "")
    if vendor:
        words = f"its company {company} is vendor {vendor}; the vendor is not synchronized"
        return Outside(words, waits)
    return Outside(f"its company {company} has no business relation to a customer", waits)


def companies(facts: Facts, side: Side, values: Collection[str]) -> dict[str, Answer]:
    """To Business Central: the company contacts of these customers. To Sales: the accounts as found."""
    if side is Side.RIGHT:
        return {one: one for one in values}
    by_customer, code = by_code(rows_of(facts, _RELATIONS), "no"), _relation_code(facts)
    found: dict[str, Answer] = {}
    for customer in values:
        if not customer:
            # Only a rehearsed customer has no number yet, and so no company.
            found[customer] = KEEP
            continue
        rows = [one for one in by_customer.get(customer.upper(), []) if _is_customer(one, code)]
        found[customer] = text_of(rows[0], "contactNo") if rows else _no_company(customer)
    return found


def _relation_code(facts: Facts) -> str:
    return next((text_of(one, "busRelCodeForCustomers") for one in rows_of(facts, _SETUP)), "")


def _is_customer(relation: dict[str, object], code: str) -> bool:
    if text_of(relation, "linkToTable") != _CUSTOMER:
        return False
    return text_of(relation, "businessRelationCode").upper() == code.upper()


def _no_company(customer: str) -> Missing:
    words = f"customer {customer} of its account has no contact of type Company; create one for the customer"
    return missing(_ACCOUNTS, words)


def companies_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The companies whose relations changed; all where the set-up has another code."""
    if _SETUP in changed:
        return None
    return sorted({text_of(one, "contactNo") for one in changed.get(_RELATIONS, [])})


def salutations(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the code itself. To Business Central: the salutation of that code, else description."""
    if side is Side.RIGHT:
        return {key: key for key in keys}
    rows = rows_of(facts, _SALUTATIONS)
    found: dict[str, Answer] = {"": ""}
    for key in keys:
        row = first_of(rows, "code", key) or first_of(rows, "description", key)
        if key:
            found[key] = _unknown(key) if row is None else text_of(row, "code")
    return found


def _unknown(key: str) -> Missing:
    words = f"{key!r} is neither the code nor the description of a salutation in Business Central"
    return missing(_SALUTATIONS, f"{words}; add it or correct it")


REFERENCES: Final = (
    Reference(
        name=_RELATIONS,
        side=Side.LEFT,
        route=_RELATIONS,
        columns=("contactNo", "businessRelationCode", "linkToTable", "no"),
        table_id=5054,
        made_with=("customers",),
    ),
    Reference(
        name=_SETUP,
        side=Side.LEFT,
        route=_SETUP,
        columns=("busRelCodeForCustomers",),
        table_id=5079,
    ),
    Reference(
        name=_SALUTATIONS,
        side=Side.LEFT,
        route=_SALUTATIONS,
        columns=("code", "description"),
        table_id=5068,
    ),
)
SOURCES: Final = (
    Source(
        name=_ACCOUNTS,
        references=(_RELATIONS, _SETUP),
        resolve=contact_accounts,
        touched=companies_touched,
        via="CUSTOMER",
        finish=companies,
    ),
    Source(name=_SALUTATIONS, references=(_SALUTATIONS,), resolve=salutations),
)
