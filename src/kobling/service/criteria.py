"""What match-based coupling compares: fields that a mapping marks for it, or that a person names."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Final

from kobling.catalogue.definition import ColumnType, Definition, Field, Table
from kobling.engine.match import Compared
from kobling.model.errors import ConfigurationError

# Values of these are written alike on both sides; those of one set can be equal.
_ALIKE: Final = (
    frozenset({ColumnType.TEXT, ColumnType.OPTION}),
    frozenset({ColumnType.INTEGER, ColumnType.DECIMAL}),
    frozenset({ColumnType.BOOLEAN}),
    frozenset({ColumnType.DATE}),
)


def criteria(definition: Definition, texts: Sequence[str]) -> list[Compared]:
    """What is compared: the pairs written as `BC FIELD=crm_field`, which must all be equal, else the fields
    that are marked, else those of the finder. Raises ConfigurationError."""
    if not texts:
        return _own(definition)
    found = []
    for text in texts:
        bc, equals, crm = text.rpartition("=")
        if not equals or not bc.strip() or not crm.strip():
            raise ConfigurationError(
                f"--on {text!r} is no pair of fields.", cure='Write --on "BC FIELD=crm_field".'
            )
        left, right = column_of(definition.bc, bc.strip()), column_of(definition.crm, crm.strip())
        _check_alike(definition, left, right)
        found.append(Compared(left=left, right=right))
    return found


def _own(definition: Definition) -> list[Compared]:
    """The rows that are marked for matching, else the finder's. The sides of a look-up are not alike."""
    joined = {(one.bc or one.conversion.key, one.crm) for one in definition.fields if one.conversion.source}
    found = [
        Compared(left=one.bc, right=one.crm, priority=one.match_priority, case=one.match_case)
        for one in definition.fields
        if one.match and not one.conversion.source and one.bc is not None and one.crm is not None
    ]
    if not found and joined.isdisjoint(definition.finder.items()):
        found = [Compared(left=bc, right=crm) for bc, crm in definition.finder.items()]
    if not found:
        raise ConfigurationError(
            f"{definition.name} has no field that is used for matching.",
            cure='Say which: --on "BC FIELD=crm_field", for example --on "No.=accountnumber", or'
            f' kobling field set {shlex.quote(definition.name)} "BC FIELD" match=on.',
        )
    return found


def check_criterion(definition: Definition, row: Field) -> None:
    """Raises ConfigurationError for a field row whose two sides can never hold equal values."""
    name = definition.field_name(row)
    if row.bc is None or row.crm is None:
        raise ConfigurationError(
            f"The field {name} of {definition.name} has a column on one side only, so it cannot match.",
            cure="Choose a field with a column on both sides.",
        )
    if row.conversion.source:
        raise ConfigurationError(
            f"The field {name} of {definition.name} is a look-up, so its two sides are never equal.",
            cure="Choose a field that both sides write alike, such as a name or a number.",
        )
    _check_alike(definition, row.bc, row.crm)


def _check_alike(definition: Definition, bc: str, crm: str) -> None:
    left, right = definition.bc.columns[bc], definition.crm.columns[crm]
    if any({left.type, right.type} <= one for one in _ALIKE):
        return
    raise ConfigurationError(
        f"{definition.name}: {left.caption} is {_article(left.type)} in Business Central and {crm} is"
        f" {_article(right.type)} in Sales, so they can never be equal.",
        cure="Choose two fields of one kind: texts, numbers, dates or switches.",
    )


def _article(kind: ColumnType) -> str:
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"


def column_of(table: Table, text: str) -> str:
    """The column of that caption or name, however it is written. Raises ConfigurationError."""
    names = {one.casefold(): one for one in table.columns}
    captions = {one.caption.casefold(): name for name, one in table.columns.items()}
    found = names.get(text.casefold()) or captions.get(text.casefold())
    if found is None:
        known = ", ".join(one.caption for one in table.columns.values())
        raise ConfigurationError(f"{table.table} has no column {text!r}.", cure=f"Use one of: {known}.")
    return found
