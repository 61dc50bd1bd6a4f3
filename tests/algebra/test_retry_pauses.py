"""Aim: the pauses of failures grow, and end somewhere."""

from __future__ import annotations

from itertools import pairwise

import pytest

from kobling.algebra.retries import PAUSES


@pytest.mark.parametrize(("reason", "first", "most"), [("transient", 0, 3600), ("failed", 900, 86_400)])
def test_pauses_double_up_to_the_longest(reason: str, first: int, most: int) -> None:
    pauses = PAUSES[reason]
    assert (pauses[0], pauses[-1]) == (first, most)
    assert all(later > earlier for earlier, later in pairwise(pauses))
    assert all(later <= 2 * earlier for earlier, later in pairwise(pauses) if earlier)
