"""What Business Central does by itself with opportunities and the entries that move them on.

An entry is what a person's "update" or "close" leaves behind: it makes the one before it inactive, and its
values are those that the opportunity shows.
"""

from decimal import Decimal

from kobling_sandbox.business_central_derive import changes, value_of
from kobling_sandbox.business_central_errors import dialog
from kobling_sandbox.business_central_products import number_entry
from kobling_sandbox.business_central_writes import Company, Rules
from kobling_sandbox.rows import Row

_IN_PROGRESS = "In_x0020_Progress"
_CLOSING = ("Won", "Lost")
_number = number_entry("Opportunity Entry")


def _derive_opportunity(company: Company, old: Row | None, values: Row) -> None:
    if old is None:
        values["creationDate"] = company.today
    if changes(old, values, "salespersonCode"):
        _refuse_blocked(company, "Salesperson/Purchaser", "code", values["salespersonCode"])
    if changes(old, values, "contactNo"):
        _take_contact(company, values)
    company_number, number = (value_of(old, values, name) for name in ("contactCompanyNo", "contactNo"))
    if changes(old, values, "contactCompanyNo") and company_number and number:
        for contact in company.find("Contact", "no", number):
            if contact.get("companyNo") != company_number:
                raise dialog(f"Contact {number} {contact.get('name', '')} is related to a different company.")


def _refuse_blocked(company: Company, table: str, key: str, value: str) -> None:
    for row in company.find(table, key, value):
        if row.get("privacyBlocked"):
            caption = company.store.tables[table].caption
            raise dialog(f"You cannot choose the {caption} {value} because it is blocked due to privacy.")


def _take_contact(company: Company, values: Row) -> None:
    """The contact gives its company and, where none is sent, its salesperson."""
    number = values["contactNo"]
    _refuse_blocked(company, "Contact", "no", number)
    if not number:
        values.setdefault("contactCompanyNo", "")
    for contact in company.find("Contact", "no", number):
        values.setdefault("contactCompanyNo", contact.get("companyNo", ""))
        if contact.get("salespersonCode"):
            values.setdefault("salespersonCode", contact["salespersonCode"])


def _delete_entries(company: Company, row: Row) -> None:
    if row.get("status") == _IN_PROGRESS:
        raise dialog("You cannot delete this opportunity while it is active.")
    for entry in company.find("Opportunity Entry", "opportunityNo", row["no"]):
        company.delete("Opportunity Entry", entry)


def _derive_entry(company: Company, old: Row | None, values: Row) -> None:
    _number(company, old, values)
    for opportunity in company.find("Opportunity", "no", values.get("opportunityNo")):
        if opportunity.get("closed"):
            raise dialog(f"Opportunity {opportunity['no']} is closed.")
        for name in ("contactNo", "contactCompanyNo", "salespersonCode", "salesCycleCode"):
            if opportunity.get(name):
                values.setdefault(name, opportunity[name])
        for entry in company.find("Opportunity Entry", "opportunityNo", opportunity["no"]):
            if entry.get("active"):
                company.change("Opportunity Entry", entry, {"active": False})
    values.setdefault("dateOfChange", company.today)
    values["active"] = True
    share = values.get("probability", Decimal(0)) / Decimal(100)
    values.setdefault("calcdCurrentValueLCY", values.get("estimatedValueLCY", Decimal(0)) * share)


def _move_on(company: Company, entry: Row) -> None:
    """The opportunity is in progress from its first entry on, and closed by one that wins or loses it."""
    action = entry.get("actionTaken", "_x0020_")
    values: Row = {"status": _IN_PROGRESS}
    if action in _CLOSING:
        values = {"status": action, "closed": True, "dateClosed": entry["dateOfChange"]}
    for opportunity in company.find("Opportunity", "no", entry["opportunityNo"]):
        if opportunity.get("status") != values["status"]:
            company.change("Opportunity", opportunity, values)


def _derive_changed_entry(company: Company, old: Row | None, values: Row) -> None:
    if old is None:
        _derive_entry(company, old, values)


OPPORTUNITY_RULES = {
    "Opportunity": Rules(derive=_derive_opportunity, after_delete=_delete_entries),
    "Opportunity Entry": Rules(derive=_derive_changed_entry, after_create=_move_on),
}
