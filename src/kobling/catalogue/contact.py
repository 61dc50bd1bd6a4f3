"""The rules of contacts: whose account a contact belongs to, and which salutation its free text means."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from kobling.catalogue.facts import all_of, by_code, first_of, missing, rows_of, text_of
from kobling.model.look_up import KEEP, Answer, Facts, Found, Outside, Reference, Rows, Source, Through
from kobling.model.mapping import Side
from kobling.model.pair import Missing

_ACCOUNTS: Final = "contact_accounts"
RELATIONS: Final = "contactBusinessRelations"
SETUP: Final = "marketingSetup"
_SALUTATIONS: Final = "salutations"
_CUSTOMERS: Final = "CUSTOMER"
_VENDORS: Final = "VENDOR"
_VIA: Final = (_CUSTOMERS, _VENDORS)


def contact_accounts(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer | Through]:
    """To Sales: a company's number goes through its relation to a customer, else to a vendor, and that one's
    coupling.

    To Business Central: the account goes through its coupling to a customer, else to a vendor.
    """
    if side is Side.LEFT:
        via = tuple(one for one in _VIA if one in facts.mappings) or _VIA[:1]
        return {key: Through(key=key, what=f"its account {key}", via=via) if key else "" for key in keys}
    return {key: _owner_of(facts, key) if key else "" for key in keys}


def _owner_of(facts: Facts, company: str) -> Answer | Through:
    rows, waits = all_of(rows_of(facts, RELATIONS), "contactNo", company), f"{_ACCOUNTS}/{company}"
    customer = customer_of(facts, company)
    if customer is not None:
        return customer
    vendor = next((text_of(one, "no") for one in rows if _is_vendor(one)), "")
    if vendor and _VENDORS in facts.mappings:
        return Through(key=vendor, what=f"vendor {vendor} of its company {company}", via=(_VENDORS,))
    if vendor:
        words = f"its company {company} is vendor {vendor}; the vendor is not synchronized"
        return Outside(words, waits)
    if not _relation_code(facts):
        words = "Marketing Setup has no Bus. Rel. Code for Customers, so no customer is known; fill it in"
        return Outside(words, waits)
    return Outside(f"its company {company} has no business relation to a customer or vendor", waits)


def customer_of(facts: Facts, company: str) -> Through | None:
    """The customer whose company it is, to be looked up in CUSTOMER; None where it is no customer's."""
    code = _relation_code(facts)
    rows = all_of(rows_of(facts, RELATIONS), "contactNo", company)
    customer = next((text_of(one, "no") for one in rows if _is_customer(one, code)), "")
    what = f"customer {customer} of its company {company}"
    return Through(key=customer, what=what, via=(_CUSTOMERS,)) if customer else None


def companies(facts: Facts, side: Side, values: Collection[Found]) -> dict[Found, Answer]:
    """To Business Central: the company contacts of these customers and vendors. To Sales: the accounts as
    found."""
    if side is Side.RIGHT:
        return {one: one[1] for one in values}
    by_number, code = by_code(rows_of(facts, RELATIONS), "no"), _relation_code(facts)
    found: dict[Found, Answer] = {}
    for one in values:
        mapping, number = one
        if not number:
            # Only a rehearsed customer has no number yet, and so no company.
            found[one] = KEEP
            continue
        related = by_number.get(number.upper(), [])
        rows = [
            row for row in related if (_is_vendor(row) if mapping == _VENDORS else _is_customer(row, code))
        ]
        found[one] = text_of(rows[0], "contactNo") if rows else _no_company(mapping, number)
    return found


def _relation_code(facts: Facts) -> str:
    return next((text_of(one, "busRelCodeForCustomers") for one in rows_of(facts, SETUP)), "")


def _is_customer(relation: dict[str, object], code: str) -> bool:
    if not code or text_of(relation, "linkToTable") != "Customer":
        return False
    return text_of(relation, "businessRelationCode").upper() == code.upper()


def _is_vendor(relation: dict[str, object]) -> bool:
    return text_of(relation, "linkToTable") == "Vendor"


def _no_company(mapping: str, number: str) -> Missing:
    word = "vendor" if mapping == _VENDORS else "customer"
    words = f"{word} {number} of its account has no contact of type Company; create one for the {word}"
    return missing(_ACCOUNTS, words)


def companies_touched(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """The companies whose relations changed; all where the set-up has another code."""
    if SETUP in changed:
        return None
    return sorted({text_of(one, "contactNo") for one in changed.get(RELATIONS, [])})


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
        name=RELATIONS,
        side=Side.LEFT,
        route=RELATIONS,
        columns=("contactNo", "businessRelationCode", "linkToTable", "no"),
        table_id=5054,
        made_with=("customers", "vendors"),
    ),
    Reference(
        name=SETUP,
        side=Side.LEFT,
        route=SETUP,
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
        references=(RELATIONS, SETUP),
        resolve=contact_accounts,
        touched=companies_touched,
        via=_VIA,
        finish=companies,
    ),
    Source(name=_SALUTATIONS, references=(_SALUTATIONS,), resolve=salutations),
)
