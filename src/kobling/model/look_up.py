"""Look-ups: what a field row asks of other records and tables, declared so that a run asks in bulk.

A row names a *source*. A source is a mapping (the answer is the coupled record on the other side), or one of
the catalogue, which answers from *reference* tables: small tables that a run reads at its opening.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

import msgspec

from kobling.model.mapping import Side
from kobling.model.pair import Missing
from kobling.model.values import Value

# Between the parts of a key; no code or number holds it.
_BETWEEN: Final = "\x1e"


def key_of_parts(*parts: object) -> str:
    """What is asked for by several columns; '' where all of them are blank."""
    texts = ["" if one is None else str(one).replace(_BETWEEN, "") for one in parts]
    return _BETWEEN.join(texts) if any(texts) else ""


def parts_of_key(key: str) -> list[str]:
    """What `key_of_parts` was given, as texts."""
    return key.split(_BETWEEN)


class Keep(msgspec.Struct, frozen=True):
    """The destination keeps what it holds."""


class Rejected(msgspec.Struct, frozen=True):
    """No value can be made; the reason is written for a person. waits: the key whose change can mend it."""

    reason: str
    waits: str = ""


class Outside(Rejected, frozen=True):
    """The record has no place in the mapping, for a reason that its own columns do not show. Where the row is
    a gate, that is like a filter that it does not pass; else the field is rejected. others: further keys, as
    `waits`."""

    others: tuple[str, ...] = ()


class Through(msgspec.Struct, frozen=True):
    """The answer is what the couplings of the mappings `via`, in turn, answer for `key`. what: the key in
    words. coupled_is_enough: a coupled record is the answer also where it is outside the filter. with_pair:
    it is none either where the other record of its pair is outside. otherwise: what stands in for the partner
    of an uncoupled one; None where it is waited for, or, with coupled_only, where the asker is outside. shut:
    what stands in for one that is outside, or that is not there at all; None where the asker is outside, too.
    parts: the answer is the key itself, once so many records of that number are coupled."""

    key: str
    what: str
    via: tuple[str, ...]
    coupled_is_enough: bool = False
    with_pair: bool = False
    coupled_only: bool = False
    otherwise: str | Missing | None = None
    shut: str | None = None
    parts: int | None = None


KEEP: Final = Keep()
Answer: TypeAlias = Value | Keep | Missing | Rejected
# (source, side of the answer, key on the other side) -> answer
LookUps: TypeAlias = Mapping[tuple[str, Side, str], Answer]


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """A small table that rules read. options: `route` is an entity, its choice columns are the rows
    (`column`, `value`, `label`). table_id: the table's number in the deletion log. made_with: routes; the
    service adds rows of its own when a record is created there."""

    name: str
    side: Side
    route: str
    columns: tuple[str, ...]
    options: bool = False
    table_id: int = 0
    made_with: tuple[str, ...] = ()


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a source answers from: reference rows by table name, the day, the BC company's id, the names of
    the mappings that are carried out, and by mapping the keys that a person said to stand for nothing."""

    tables: dict[str, list[dict[str, Any]]]
    today: date
    company: str
    mappings: frozenset[str] = frozenset()
    blank: Mapping[str, frozenset[str]] = {}


Rows: TypeAlias = list[dict[str, Any]]
Resolver: TypeAlias = Callable[[Facts, Side, Collection[str]], Mapping[str, Answer | Through]]
# A value that couplings answered, with the mapping whose couplings they are.
Found: TypeAlias = tuple[str, str]
Finish: TypeAlias = Callable[[Facts, Side, Collection[Found]], Mapping[Found, Answer]]
# The same of what was found for the keys that were asked, where it is not the same for all of them.
Judge: TypeAlias = Callable[[Facts, Side, Mapping[str, Found]], Mapping[str, Answer]]
# Changed rows by reference -> the keys whose answers may be others now; None for all.
Touched: TypeAlias = Callable[[Mapping[str, Rows]], Collection[str] | None]


def texts_of(changed: Mapping[str, Rows]) -> Collection[str] | None:
    """Every text and number of the changed rows: whoever was asked for one of them may be answered anew."""
    values = [value for rows in changed.values() for row in rows for value in row.values()]
    return sorted({str(one) for one in values if one is not None and one != ""})


def as_found(facts: Facts, side: Side, values: Collection[Found]) -> Mapping[Found, Answer]:
    """What the couplings answer is the answer."""
    return {one: one[1] for one in values}


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A look-up source. `resolve` answers for the keys that it knows, for one side; a key that it leaves out
    is asked of the couplings of the mapping of that name, if there is one. A blank key is ''. touched: which
    answers a change of its reference tables concerns. via: the mappings in whose couplings a `Through` may be
    looked up; finish: what is made of the values that were found there; judge: the same, where it depends on
    the key, in its place. instead: the source that is asked for the same keys where these couplings know no
    partner yet."""

    name: str
    references: tuple[str, ...] = ()
    resolve: Resolver
    touched: Touched = texts_of
    via: tuple[str, ...] = ()
    instead: str = ""
    finish: Finish = as_found
    judge: Judge | None = None
