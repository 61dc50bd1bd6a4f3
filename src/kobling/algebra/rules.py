"""The transformation rules: every rule in one table, with what it needs, what it gives and what undoes it.

A rule is made once, from its arguments, and is then total: it makes a value of every value, or says why not.
It never sees a blank: nothing stays nothing. Its time is bounded, whatever it is given: regular expressions
are RE2's, which never look back, and no text grows past `works.LENGTH_MAX`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Final

import msgspec

from kobling.algebra.works import (
    DAY,
    TIME,
    Work,
    added,
    decimal,
    extract_date,
    from_unix_timestamp,
    looked_up,
    of_text,
    read_date,
    read_decimal,
    regex_match,
    regex_replace,
    removed,
    replace,
    round_to,
    substring,
    titled,
    unix_timestamp,
    values,
    values_back,
    write_date,
)
from kobling.model.mapping import Step
from kobling.model.values import Value

_ARGUMENT_LENGTH_MAX: Final = 250
FIELD_LOOKUP: Final = "field_lookup"


class Gives(StrEnum):
    """What a rule makes, as far as the column that it goes into must fit."""

    TEXT = "text"
    INTEGER = "integer"
    DECIMAL = "decimal"
    ANY = "any"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule. parameters: their names with their types; those with `?` may be left out. make: the work of
    the rule with these arguments; ValueError for arguments that it cannot have. undo: the rule that takes the
    value back, None where nothing does. words: what it does, for a person."""

    words: str
    make: Callable[..., Work]
    parameters: tuple[tuple[str, tuple[type, ...]], ...] = ()
    gives: Gives = Gives.TEXT
    undo: Callable[..., Step] | None = None


def make(step: Step) -> Work:
    """The work of a step. Raises ValueError, in words for a person, for what cannot be carried out."""
    rule = RULES.get(step.rule)
    if rule is None:
        raise ValueError(f"there is no transformation rule {step.rule!r}; use one of: {', '.join(RULES)}")
    _check(step, rule)
    return rule.make(*step.arguments)


def undone(step: Step) -> Step | None:
    """The step that takes back what this one makes; None where nothing does."""
    undo = RULES[step.rule].undo
    return None if undo is None else undo(*step.arguments)


def _check(step: Step, rule: Rule) -> None:
    required = [name for name, _ in rule.parameters if not name.endswith("?")]
    if not len(required) <= len(step.arguments) <= len(rule.parameters) and step.rule != "values":
        names = ", ".join(name for name, _ in rule.parameters)
        raise ValueError(
            f"{step.rule} is written {step.rule}({names})" if names else f"{step.rule} takes nothing"
        )
    for (name, kinds), value in zip(rule.parameters, step.arguments, strict=False):
        if type(value) not in kinds:
            wanted = " or ".join("a text" if one is str else "a number" for one in kinds[:2])
            raise ValueError(f"{name.rstrip('?')} of {step.rule} is {wanted}, not {value!r}")
    if any(isinstance(one, str) and len(one) > _ARGUMENT_LENGTH_MAX for one in step.arguments):
        raise ValueError(f"a text of {step.rule} has more than {_ARGUMENT_LENGTH_MAX} characters")


_TEXT: Final = (str,)
_WHOLE: Final = (int,)
_NUMBER: Final = (int, Decimal)
_PLACE: Final = (int, str)
_MARKS: Final = (("point?", _TEXT), ("thousands?", _TEXT))


def _step(rule: str, *arguments: Value) -> Step:
    return Step(rule=rule, arguments=arguments)


RULES: Final[dict[str, Rule]] = {
    "uppercase": Rule(words="All letters upper case.", make=lambda: of_text(str.upper)),
    "lowercase": Rule(words="All letters lower case.", make=lambda: of_text(str.lower)),
    "title_case": Rule(words="Each word begins with a capital.", make=lambda: of_text(titled)),
    "trim": Rule(words="Without blanks before and after.", make=lambda: of_text(str.strip)),
    "substring": Rule(
        words="From a position (the first is 1), or from after a text; so many characters, or up to a text.",
        parameters=(("start", _PLACE), ("end?", _PLACE)),
        make=substring,
    ),
    "replace": Rule(
        words="Every `old` becomes `new`.",
        parameters=(("old", _TEXT), ("new", _TEXT)),
        make=replace,
    ),
    "regex_replace": Rule(
        words="What the regular expression finds becomes `new`; `\\1` in it is the first group.",
        parameters=(("pattern", _TEXT), ("new", _TEXT)),
        make=regex_replace,
    ),
    "regex_match": Rule(
        words="The first thing that the regular expression finds, of it the first group; blank if nothing.",
        parameters=(("pattern", _TEXT),),
        make=regex_match,
    ),
    "remove_non_alphanumeric": Rule(
        words="Letters and digits only.",
        make=lambda: of_text(lambda text: "".join(one for one in text if one.isalnum())),
    ),
    "values": Rule(
        words="A whole text becomes another, in pairs; every other text stays. Taken back by itself.",
        make=values,
        parameters=(("one", _TEXT), ("other", _TEXT)),
        gives=Gives.ANY,
        undo=values_back,
    ),
    "prefix": Rule(
        words="With a text before it. Taken back by remove_prefix.",
        parameters=(("text", _TEXT),),
        make=lambda text: added(text, ""),
        undo=partial(_step, "remove_prefix"),
    ),
    "remove_prefix": Rule(
        words="Without that text before it; refused if it is not there.",
        parameters=(("text", _TEXT),),
        make=lambda text: removed(text, ""),
        undo=partial(_step, "prefix"),
    ),
    "suffix": Rule(
        words="With a text after it. Taken back by remove_suffix.",
        parameters=(("text", _TEXT),),
        make=lambda text: added("", text),
        undo=partial(_step, "remove_suffix"),
    ),
    "remove_suffix": Rule(
        words="Without that text after it; refused if it is not there.",
        parameters=(("text", _TEXT),),
        make=lambda text: removed("", text),
        undo=partial(_step, "suffix"),
    ),
    "date": Rule(
        words="A date in a format such as `dd.MM.yyyy`. Taken back by read_date.",
        parameters=(("format", _TEXT),),
        make=write_date,
        undo=partial(_step, "read_date"),
    ),
    "read_date": Rule(
        words="The date that a text in that format means.",
        parameters=(("format", _TEXT),),
        make=partial(read_date, needed=DAY),
        undo=partial(_step, "date"),
    ),
    "date_time": Rule(
        words="A moment, in universal time, in a format such as `dd.MM.yyyy HH:mm`. "
        "Taken back by read_date_time.",
        parameters=(("format", _TEXT),),
        make=write_date,
        undo=partial(_step, "read_date_time"),
    ),
    "read_date_time": Rule(
        words="The moment that a text in that format means, in universal time.",
        parameters=(("format", _TEXT),),
        make=partial(read_date, needed=TIME),
        undo=partial(_step, "date_time"),
    ),
    "extract_date": Rule(words="The day of a moment, in universal time.", make=extract_date),
    "unix_timestamp": Rule(
        words="The seconds since 1970 of a moment. Taken back by from_unix_timestamp.",
        make=unix_timestamp,
        gives=Gives.INTEGER,
        undo=partial(_step, "from_unix_timestamp"),
    ),
    "from_unix_timestamp": Rule(
        words="The moment of a number of seconds since 1970.",
        make=from_unix_timestamp,
        undo=partial(_step, "unix_timestamp"),
    ),
    "decimal": Rule(
        words="A number with so many decimals; the signs are `.` and none unless given. "
        "Taken back by read_decimal.",
        parameters=(("digits", _WHOLE), *_MARKS),
        make=decimal,
        undo=lambda digits, *marks: _step("read_decimal", *marks),
    ),
    "read_decimal": Rule(
        words="The number that a text means.",
        parameters=_MARKS,
        make=read_decimal,
        gives=Gives.DECIMAL,
    ),
    "round": Rule(
        words="The nearest multiple of `precision`; `up` is away from zero, `down` towards it.",
        parameters=(("precision", _NUMBER), ("direction?", _TEXT)),
        make=round_to,
        gives=Gives.DECIMAL,
    ),
    FIELD_LOOKUP: Rule(
        words="Of the row of a table of Business Central that holds the value in `source`, what it holds in "
        "`target`: `field_lookup('countriesRegions', 'code', 'name')`. Where there is none it is blank, or "
        "with `'original'` the value itself. Names are those on the wire; it stands last. Taken back by "
        "looking up the other way.",
        parameters=(("table", _TEXT), ("source", _TEXT), ("target", _TEXT), ("rule?", _TEXT)),
        make=looked_up,
        undo=lambda table, source, target, *rule: _step(FIELD_LOOKUP, table, target, source, *rule),
    ),
}
