"""What a template gives a record that is created."""

from __future__ import annotations

from kobling.algebra.filters import holds
from kobling.model.mapping import Mapping, Side, Template
from kobling.model.values import Values


def template_of(mapping: Mapping, target: Side, source: Values) -> tuple[Template, ...]:
    """The values that a record created on `target` gets whatever its source holds.

    Those of the first template whose conditions hold for the source, and those of the mapping beside them.
    """
    table = mapping.table(target)
    for one in table.templates:
        if all(holds(condition, source) for condition in one.conditions):
            chosen = {value.position for value in one.values}
            return (*(value for value in table.template if value.position not in chosen), *one.values)
    return table.template


def depends_on_source(mapping: Mapping, target: Side) -> bool:
    """Whether records may get different templates."""
    return any(one.conditions for one in mapping.table(target).templates)
