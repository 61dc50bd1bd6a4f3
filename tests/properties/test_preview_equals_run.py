"""Aim: what a dry run lists is what the run right after it writes, record by record and field by field; and
the dry run itself has written nothing anywhere.

Method: drawn histories of two people between two runs. The list is held against the audit of the run, the
audit against what both services hold, and both services and the database against what they were before.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.world import Document
from properties.deeds import (
    DRAWN,
    Deed,
    Office,
    assert_held,
    carried_out,
    deeds,
    rehearsed,
    rows_of,
)

HISTORY = st.lists(deeds(), min_size=1, max_size=8)
POLICIES = st.sampled_from(("none", "none", "send", "get"))
DELETIONS = st.sampled_from(("none", "none", "restore", "remove-coupling", "delete"))
# What a run and its rehearsal say alike.
SAID = ("mapping", "kind", "counts", "errors", "warnings", "open")


@settings(DRAWN, max_examples=8)
@given(HISTORY, POLICIES, DELETIONS)
def test_a_run_writes_what_its_preview_says(
    office: Office, history: list[Deed], conflict: str, deletion: str
) -> None:
    look_and_run(office, history, conflict, deletion)


@pytest.mark.accept
@pytest.mark.timeout(1200)
@settings(DRAWN, max_examples=60)
@given(HISTORY, POLICIES, DELETIONS)
def test_many_runs_write_what_their_previews_say(
    office: Office, history: list[Deed], conflict: str, deletion: str
) -> None:
    look_and_run(office, history, conflict, deletion)


def look_and_run(office: Office, history: list[Deed], conflict: str, deletion: str) -> None:
    world = office.world
    office.do(office.begin(conflict, deletion), history)
    before, stored, noted = rows_of(world), world.stored(), len(world.audit())
    look = world.sync("CUSTOMER", dry_run=True)
    assert rows_of(world) == before
    assert world.stored() == stored
    run = world.sync("CUSTOMER")
    audit = world.audit()[noted:]
    assert rehearsed(look["actions"], before) == carried_out(audit, before)
    assert said(look) == said(run)
    assert_held(audit, rows_of(world))


def said(run: Document) -> tuple[int, list[Document]]:
    return run[""], [
        {key: job[key] for key in SAID} for name, job in run.items() if name not in {"", "actions"}
    ]
