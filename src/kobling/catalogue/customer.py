"""The rules of customers: whose an account is, and which country its free text means."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kobling.catalogue.facts import all_touched, missing, rows_of, same_id, text_of
from kobling.model.look_up import KEEP, Answer, Facts, Reference, Source
from kobling.model.mapping import Side
from kobling.model.pair import Missing

_COMPANIES: Final = "bcbi_companies"
_COUNTRIES: Final = "countriesRegions"


def company(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """The row that stands for this company in Dataverse, whatever the key; KEEP where there is none."""
    found: Answer = next(
        (
            str(one["bcbi_companyid"])
            for one in rows_of(facts, _COMPANIES)
            if facts.company and same_id(text_of(one, "bcbi_externalid"), facts.company)
        ),
        KEEP,
    )
    return dict.fromkeys(keys, found)


def countries(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """To Sales: the code itself. To Business Central: the country of that code, else of that name."""
    if side is Side.RIGHT:
        return {key: key for key in keys}
    # Of countries with one name the first code is taken.
    rows = sorted(rows_of(facts, _COUNTRIES), key=lambda one: text_of(one, "code"), reverse=True)
    known: dict[str, Answer] = {text_of(one, "name").casefold(): text_of(one, "code") for one in rows}
    known |= {text_of(one, "code").casefold(): text_of(one, "code") for one in rows}
    known[""] = ""
    return {key: known.get(key.strip().casefold(), _unknown(key)) for key in keys}


def _unknown(key: str) -> Missing:
    words = f"{key!r} is neither the code nor the name of a country in Business Central; add it or correct it"
    return missing("countries", words)


REFERENCES: Final = (
    Reference(
        name=_COMPANIES,
        side=Side.RIGHT,
        route=_COMPANIES,
        columns=("bcbi_companyid", "bcbi_externalid"),
    ),
    Reference(name=_COUNTRIES, side=Side.LEFT, route=_COUNTRIES, columns=("code", "name"), table_id=9),
)
SOURCES: Final = (
    Source(name="company", references=(_COMPANIES,), resolve=company, touched=all_touched),
    Source(name="countries", references=(_COUNTRIES,), resolve=countries),
)
