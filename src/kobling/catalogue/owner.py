"""The rule of owners: with the owner model team, a team owns what is created in Sales."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from kobling.catalogue.facts import missing, rows_of, same_id, text_of
from kobling.model.look_up import Answer, Facts, Reference, Source
from kobling.model.mapping import Side

_TEAMS: Final = "teams"
_UNITS: Final = "businessunits"
_COMPANIES: Final = "company names"
# How the team of a company is called, with the company's name behind it.
_PREFIX: Final = "BCI - "
_SOURCE: Final = "owning_team"


def owning_team(facts: Facts, side: Side, keys: Collection[str]) -> dict[str, Answer]:
    """The team of this company, `BCI - ` and the company's name; else the default team of the root business
    unit. Whatever the key."""
    found = _team_of_company(facts) or _root_team(facts)
    words = "Sales has neither a team of this company nor a default team of the root business unit; make one"
    answer: Answer = found or missing(_SOURCE, words)
    return dict.fromkeys(keys, answer)


def _team_of_company(facts: Facts) -> str:
    own = (
        one for one in rows_of(facts, _COMPANIES) if same_id(text_of(one, "bcbi_externalid"), facts.company)
    )
    name = next((text_of(one, "bcbi_name") for one in own), "") if facts.company else ""
    wanted = f"{_PREFIX}{name}".casefold()
    # The name of the company may go on with its id.
    teams = [one for one in rows_of(facts, _TEAMS) if text_of(one, "name").casefold().startswith(wanted)]
    return text_of(min(teams, key=lambda one: text_of(one, "name")), "teamid") if name and teams else ""


def _root_team(facts: Facts) -> str:
    roots = [
        text_of(one, "businessunitid")
        for one in rows_of(facts, _UNITS)
        if not text_of(one, "_parentbusinessunitid_value")
    ]
    return next(
        (
            text_of(one, "teamid")
            for one in rows_of(facts, _TEAMS)
            if one.get("isdefault") is True and text_of(one, "_businessunitid_value") in roots
        ),
        "",
    )


REFERENCES: Final = (
    Reference(
        name=_TEAMS,
        side=Side.RIGHT,
        route="teams",
        columns=("teamid", "name", "isdefault", "_businessunitid_value"),
    ),
    Reference(
        name=_UNITS,
        side=Side.RIGHT,
        route="businessunits",
        columns=("businessunitid", "_parentbusinessunitid_value"),
    ),
    Reference(
        name=_COMPANIES,
        side=Side.RIGHT,
        route="bcbi_companies",
        columns=("bcbi_companyid", "bcbi_externalid", "bcbi_name"),
    ),
)
SOURCES: Final = (Source(name=_SOURCE, references=(_TEAMS, _UNITS, _COMPANIES), resolve=owning_team),)
