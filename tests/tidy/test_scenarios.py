"""Aim: no scenario of the built-in integration is both carried out and listed as not applying, and each that
is listed says why.

Method: the marks of all test modules as their text has them, and `scenarios.yaml`.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

TESTS = Path(__file__).parents[1]
LISTED = msgspec.yaml.decode((TESTS / "scenarios.yaml").read_bytes(), type=dict[str, str])
MARK = re.compile(r"mark\.scenario\((.*?)\)", re.DOTALL)
ONE_ID = re.compile(r'"([A-Z]{2}-[0-9]{2})"')
WORDS_MIN = 5


def ids_of(source: str) -> list[str]:
    """The ids that the marks of a module name; the text of a mark that names none, as it is."""
    return [found[1] if (found := ONE_ID.fullmatch(one)) else one for one in MARK.findall(source)]


def complaints(carried: set[str], listed: dict[str, str]) -> list[str]:
    found = [f"{one} is no id of a scenario" for one in sorted(carried | set(listed)) if not _is_id(one)]
    found += [f"{one} is carried out, and listed as not applying" for one in sorted(carried & set(listed))]
    short = [one for one, reason in listed.items() if len(reason.split()) < WORDS_MIN]
    return [*found, *(f"{one} is listed without a reason that says something" for one in short)]


def _is_id(text: str) -> bool:
    return ONE_ID.fullmatch(f'"{text}"') is not None


def test_a_scenario_is_carried_out_or_listed_with_a_reason_never_both() -> None:
    modules = [one for one in TESTS.rglob("test_*.py") if one != Path(__file__)]
    carried = {one for module in modules for one in ids_of(module.read_text(encoding="utf-8"))}
    assert len(carried) > 20
    assert complaints(carried, LISTED) == []


def test_what_is_wrong_is_seen() -> None:
    assert ids_of('@pytest.mark.scenario("CT-01")\n@pytest.mark.scenario(name)') == ["CT-01", "name"]
    reason = "there is nothing of the kind here"
    assert complaints({"CT-01"}, {"CT-02": reason}) == []
    assert len(complaints({"CT-01"}, {"CT-01": reason})) == 1
    assert len(complaints({"ct-1"}, {})) == 1
    assert len(complaints(set(), {"CT-01": ""})) == 1
