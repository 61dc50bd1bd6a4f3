"""Aim: the scenarios of the built-in integration are known by their ids, each is carried out, listed as not
applying, or open, and what is listed says why.

Method: the marks of all test modules as their text has them, and `scenarios.toml`, held against the ids of
`scenario_ids.yaml`. How far each area has come is printed (seen with `-s`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import msgspec

TESTS = Path(__file__).parents[1]
MARK = re.compile(r"mark\.scenario\((.*?)\)", re.DOTALL)
ONE_ID = re.compile(r'"([A-Z]{2}-[0-9]{2})"')
WORDS_MIN = 5

LISTED: dict[str, str] = tomllib.loads((TESTS / "scenarios.toml").read_text(encoding="utf-8"))


def numbers(text: str) -> Iterator[int]:
    """The numbers of an area, written as `01-03 05`."""
    for span in text.split():
        first, _, last = span.partition("-")
        yield from range(int(first), int(last or first) + 1)


KNOWN = {
    area: {f"{area}-{number:02}" for number in numbers(text)}
    for area, text in msgspec.yaml.decode(
        (TESTS / "scenario_ids.yaml").read_bytes(), type=dict[str, str]
    ).items()
}


def ids_of(source: str) -> list[str]:
    """The ids that the marks of a module name; the text of a mark that names none, as it is."""
    return [found[1] if (found := ONE_ID.fullmatch(one)) else one for one in MARK.findall(source)]


def carried_out() -> set[str]:
    modules = [one for one in TESTS.rglob("test_*.py") if one != Path(__file__)]
    return {one for module in modules for one in ids_of(module.read_text(encoding="utf-8"))}


def complaints(carried: set[str], listed: dict[str, str]) -> list[str]:
    known = {one for ids in KNOWN.values() for one in ids}
    found = [f"{one} is no scenario" for one in sorted((carried | set(listed)) - known)]
    found += [f"{one} is carried out, and listed as not applying" for one in sorted(carried & set(listed))]
    short = [one for one, reason in listed.items() if len(reason.split()) < WORDS_MIN]
    return [*found, *(f"{one} is listed without a reason that says something" for one in short)]


def standing(carried: set[str], listed: dict[str, str]) -> Iterator[str]:
    """A line an area: how many are carried out, do not apply, and are open, by their ids."""
    for area, ids in KNOWN.items():
        done, apart = ids & carried, ids & set(listed)
        still = " ".join(sorted(one[3:] for one in ids - done - apart))
        head = f"{area} {len(done):3} of {len(ids):3} carried out, {len(apart)} do not apply"
        yield f"{head}; open: {still or '-'}"


def test_a_scenario_is_carried_out_or_listed_with_a_reason_never_both() -> None:
    carried = carried_out()
    print(*standing(carried, LISTED), sep="\n")
    assert len(carried) > 20
    assert complaints(carried, LISTED) == []


def test_what_is_wrong_is_seen() -> None:
    assert ids_of('@pytest.mark.scenario("CT-01")\n@pytest.mark.scenario(name)') == ["CT-01", "name"]
    reason = "there is nothing of the kind here"
    assert complaints({"CT-01"}, {"CT-02": reason}) == []
    assert len(complaints({"CT-01"}, {"CT-01": reason})) == 1
    assert len(complaints({"ct-1"}, {})) == 1
    assert len(complaints({"CT-99"}, {"XX-01": reason})) == 2
    assert len(complaints(set(), {"CT-01": ""})) == 1


def test_a_line_tells_what_is_open() -> None:
    [line] = [one for one in standing({"OM-01", "OM-06"}, {"OM-02": "a reason"}) if one.startswith("OM")]
    assert line == "OM   2 of   6 carried out, 1 do not apply; open: 03 04 05"
