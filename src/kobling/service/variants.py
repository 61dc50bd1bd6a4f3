"""Mappings with all their variants, whatever the settings of the connection."""

from __future__ import annotations

from collections.abc import Iterable

from kobling.catalogue.definition import NO_CHANGES, Definition
from kobling.catalogue.describe import apart, every_variant_document
from kobling.catalogue.load import every_variant
from kobling.service.session import Document, Session


async def every_mapping_with_variants(session: Session) -> Document:
    """Every mapping with all its variants and their field rows; those that a person made come last."""
    shipped = every_variant()
    own = {name: (one,) for name, one in session.definitions.items() if name not in shipped}
    return {"mappings": await _shown(session, [*shipped.values(), *own.values()])}


async def list_every_variant(session: Session) -> Document:
    """All mappings with all their variants, in short, whatever the settings of the connection."""
    documents = await every_mapping_with_variants(session)
    summaries = [
        {"name": one["name"], **{key: value for key, value in variant.items() if key != "fields"}}
        for one in documents["mappings"]
        for variant in one["variants"]
    ]
    shipped = {name: one[0] for name, one in every_variant().items()}
    return apart(summaries, shipped | session.definitions)


async def show_every_variant(session: Session, name: str) -> Document:
    """One mapping with all its variants and their field rows, whatever the settings of the connection."""
    known = {one.casefold(): each for one, each in every_variant().items()}
    variants = known.get(name.casefold()) or (session.definition(name),)
    [document] = await _shown(session, [variants])
    return document


async def _shown(session: Session, mappings: Iterable[tuple[Definition, ...]]) -> list[Document]:
    changes, settings = await session.shown_changes(), await session.settings()
    return [
        every_variant_document(variants, changes.get(variants[0].name, NO_CHANGES), settings)
        for variants in mappings
    ]
