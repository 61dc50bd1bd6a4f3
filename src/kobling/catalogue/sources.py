"""The look-up sources of all entities, and the reference tables that they answer from."""

from __future__ import annotations

from typing import Final

from kobling.catalogue import (
    contact,
    currency,
    customer,
    default_prices,
    document_lines,
    invoices,
    opportunity,
    options,
    owner,
    price_lines,
    prices,
    products,
    salespeople,
    statistics,
    submitted_orders,
    units,
)
from kobling.model.look_up import Reference, Source

_ENTITIES: Final = (
    *(salespeople, currency, customer, contact, opportunity, options, owner, units, products, prices),
    *(price_lines, default_prices, invoices, document_lines, statistics, submitted_orders),
)

REFERENCES: Final[dict[str, Reference]] = {one.name: one for each in _ENTITIES for one in each.REFERENCES}
SOURCES: Final[dict[str, Source]] = {one.name: one for each in _ENTITIES for one in each.SOURCES}

assert all(name in REFERENCES for one in SOURCES.values() for name in one.references), "an unknown reference"
