"""Aim: any file of pairs is read as what it says or refused with its place, and no cell that is written out
is a formula.
"""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kobling.model.errors import ConfigurationError
from kobling.service.coupling_sheet import csv_text, guarded, read_pairs, unguarded

BC = "8d2f1f5c-0c2b-4f0e-9f3e-0123456789ab"
CRM = "30b1cbe0-5722-554b-9215-436caa928548"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_a_pair_is_read_however_a_spreadsheet_saves_it(delimiter: str, encoding: str, ending: str) -> None:
    lines = [["bc_id", "bc_name", "crm_id"], [f"bc:{BC.upper()}", "Ålesund", f"{{{CRM}}}"], ["", "", ""]]
    text = ending.join(delimiter.join(one) for one in lines) + ending
    [row] = read_pairs(text.encode(encoding), "pairs.csv")
    assert (row.line, row.bc, row.crm, row.wrong) == (2, BC, CRM, "")


def test_a_number_stands_for_the_record_and_a_half_row_is_said_to_be_one() -> None:
    text = f"No.,Sales id\nC00010,{CRM}\n,{CRM}\nC00020,\nC00030,nobody\n"
    rows = read_pairs(text.encode(), "pairs.csv")
    assert (rows[0].number, rows[0].crm, rows[0].wrong) == ("C00010", CRM, "")
    assert ["missing" in one.wrong for one in rows] == [False, True, True, False]
    assert rows[3].wrong == "'nobody' is no id of Sales"
    assert [one.line for one in rows] == [2, 3, 4, 5]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name,crm_id\nx,y\n", "must name the columns"),
        (b"bc_id,other\nx,y\n", "must name the columns"),
        ("bc_id,crm_id\nÅ,x\n".encode("cp1252"), "line 2: the text is not UTF-8"),
        (b"bc_id,crm_id\n\0,x\n", "is no text"),
        (b'bc_id,crm_id\n"open,x\n', "line"),
        (b'bc_id,crm_id\n"a"b,x\n', "line"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(ConfigurationError, match=f"pairs.csv.*{words}"):
        read_pairs(data, "pairs.csv")


@given(st.binary(max_size=200))
def test_no_file_does_more_than_be_refused(data: bytes) -> None:
    for start in (b"", b"bc_id,crm_id\n"):
        try:
            rows = read_pairs(start + data, "pairs.csv")
        except ConfigurationError:
            continue
        assert all(one.wrong or (one.crm and (one.bc or one.number)) for one in rows)


@given(st.text(max_size=20))
def test_no_cell_is_a_formula_and_each_comes_back(text: str) -> None:
    assert not guarded(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert unguarded(guarded(text)) == text


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=10), min_size=1, max_size=4))
def test_what_is_written_is_read_again(cells: list[str]) -> None:
    entry = {str(at): one for at, one in enumerate(cells)}
    text = csv_text([entry], {one: one for one in entry})
    _, row = csv.reader(io.StringIO(text, newline=""))
    assert [unguarded(one) for one in row] == cells
