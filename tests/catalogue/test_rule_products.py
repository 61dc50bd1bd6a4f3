"""The state of a product, the name of its vendor, and which item is none."""

from __future__ import annotations

from catalogue.known_facts import facts
from kobling.catalogue.sources import SOURCES
from kobling.model.look_up import Outside
from kobling.model.mapping import Side


def test_what_is_blocked_is_retired_and_what_is_not_active_is_blocked() -> None:
    resolve = SOURCES["product_states"].resolve
    assert resolve(facts(), Side.RIGHT, ["True", "False", ""]) == {"True": 1, "False": 0, "": 0}
    assert resolve(facts(), Side.LEFT, ["0", "1", "2", "3"]) == {"0": False, "1": True, "2": True, "3": True}


def test_a_vendor_is_named_and_one_that_there_is_not_is_blank() -> None:
    known = facts(vendors=[{"no": "V10", "name": "Treindustri"}])
    resolve = SOURCES["vendor_names"].resolve
    assert resolve(known, Side.RIGHT, ["V10", "V99", ""]) == {"V10": "Treindustri", "V99": "", "": ""}
    assert SOURCES["vendor_names"].touched({"vendors": [{"no": "V10", "name": "New"}]}) == ["V10"]


def test_the_write_in_product_is_outside() -> None:
    source = SOURCES["products_but_write_in"]
    known = facts(salesReceivablesSetup=[{"writeInProductNo": "1021"}])
    answers = source.resolve(known, Side.RIGHT, ["1021", "1000", ""])
    assert isinstance(answers["1021"], Outside)
    assert (answers["1000"], answers[""]) == ("1000", "")
    without = facts(salesReceivablesSetup=[{"writeInProductNo": ""}])
    assert source.resolve(without, Side.RIGHT, [""]) == {"": ""}
    changed = {"salesReceivablesSetup": [{"writeInProductNo": "1021"}, {"writeInProductNo": "1000"}]}
    assert source.touched(changed) == ["1000", "1021"]
