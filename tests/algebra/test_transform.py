"""Aim: whatever a service holds, a value is made of it or it is said why not; nothing raises.

Method: Hypothesis feeds hostile values to every kind of row; money is held against exact fractions.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from algebra.drawn import ROWS, WIDTH, light, mappings
from kobling.algebra.transform import convert, fit, key_of
from kobling.model.look_up import KEEP, Answer, Keep, LookUps, Rejected
from kobling.model.mapping import Column, Conversion, Direction, FieldRow, Mapping, Side, Table
from kobling.model.pair import Missing
from kobling.model.values import BLANKS, Value, is_blank, same_value

HOSTILE = [
    "\ud800",
    "\udc00\ud800",
    "a\x00b",
    "😀😀😀",
    "e\u0301",
    "\u202eabc",
    "ŉ",
    "ß" * 5,
    "İ",
    " a b ",
    "   ",
    "_x0020_",
    "x" * 10_000,
    "=1+1",
    Decimal("1e400"),
    Decimal("-1e400"),
    Decimal("1e-400"),
    Decimal("1E+999999"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("-0"),
    Decimal("0E-30"),
    Decimal("79228162514264337593543950335"),
    2**70,
    -1,
    True,
    False,
    None,
    "",
]
texts = st.text(st.characters(codec=None, categories=["L", "Zs", "Cc", "Cs", "So", "Mn"]), max_size=8)
values: st.SearchStrategy[Value] = st.one_of(
    st.sampled_from(HOSTILE), texts, st.decimals(), st.integers(), st.booleans()
)
columns = st.builds(
    Column,
    name=st.just("c"),
    caption=st.just("C"),
    maximum=st.sampled_from([None, 0, 1, 2, 3, 5]),
    upper=st.booleans(),
    blank=st.sampled_from([None, "", "_x0020_"]),
)


def units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@light
@given(values, columns)
@example("A B", Column(name="c", caption="C", maximum=2, upper=True, blank=""))
@example("  ", Column(name="c", caption="C", upper=True))
@example("😀", Column(name="c", caption="C", maximum=1))
@example("\ud800😀a", Column(name="c", caption="C", maximum=3))
def test_what_fits_is_as_the_column_holds_it(value: Value, column: Column) -> None:
    fitted = fit(value, column)
    if not isinstance(value, str):
        assert fitted is (column.blank if value is None else value)
        return
    if is_blank(fitted):
        assert fitted == column.blank
        return
    assert isinstance(fitted, str)
    assert column.maximum is None or units(fitted) <= column.maximum
    whole = value.strip(" ").upper() if column.upper else value
    assert whole.startswith(fitted)
    if column.upper:
        assert fitted == fitted.strip(" ")
    assert fit(fitted, column) == fitted


@light
@given(texts, st.integers(min_value=1, max_value=6))
def test_no_more_is_cut_than_must_be(text: str, maximum: int) -> None:
    fitted = fit(text, Column(name="c", caption="C", maximum=maximum, blank=""))
    assert isinstance(fitted, str)
    if not is_blank(text) and len(fitted) < len(text):
        assert units(text[: len(fitted) + 1]) > maximum


@pytest.mark.parametrize(
    ("text", "maximum", "fitted"),
    [
        ("abc😀", 4, "abc"),
        ("abc😀", 5, "abc😀"),
        ("😀😀", 3, "😀"),
        ("e\u0301", 1, "e"),
        ("ÅÅÅ", 2, "ÅÅ"),
        ("a\x00b", 2, "a\x00"),
    ],
)
def test_a_cut_counts_as_the_services_do_and_never_halves_a_sign(
    text: str, maximum: int, fitted: str
) -> None:
    assert fit(text, Column(name="c", caption="C", maximum=maximum)) == fitted


def test_a_code_is_in_upper_case_before_it_is_cut() -> None:
    assert fit(" ßa b", Column(name="c", caption="C", maximum=5, upper=True)) == "SSA B"
    assert fit("ßa b", Column(name="c", caption="C", maximum=4, upper=True)) == "SSA"


answers: st.SearchStrategy[Answer] = st.one_of(
    st.just(KEEP),
    st.builds(Rejected, st.text()),
    values,
    st.builds(Missing, mapping=st.text(), key=st.text(), reason=st.text()),
)


class Everything(dict[tuple[str, Side, str], Answer]):
    """The same answer to whatever is asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def get(self, key: tuple[str, Side, str], default: Answer = None) -> Answer:  # type: ignore[override]
        return self.answer


@light
@given(mappings(), st.lists(values, min_size=WIDTH, max_size=WIDTH).map(tuple), st.one_of(st.none(), answers))
def test_every_row_makes_something_of_everything(
    mapping: Mapping, source: tuple[Value, ...], answer: Answer
) -> None:
    look_ups: LookUps = Everything(answer)
    for row in mapping.rows:
        for target in Side:
            if row.column(target) is None:
                continue
            if (
                row.column(target.other) is None
                and row.conversion.constant is None
                and row.conversion.key is None
            ):
                continue
            assert isinstance(key_of(mapping, row, source, target), str)
            made = convert(mapping, row, source, target, look_ups)
            if isinstance(made, Keep):
                assert row.not_null or isinstance(answer, Keep)
            elif not isinstance(made, Missing | Rejected) and row.conversion.kind == "product":
                assert is_blank(made) or (isinstance(made, Decimal) and made.is_finite() and made >= 0)


# Money

MONEY = ROWS["money to right"]


def money(amount: Value, factor: Answer, digits: int = 2, row: FieldRow = MONEY) -> Answer:
    conversion = msgspec.structs.replace(row.conversion, digits=digits)
    shaped = msgspec.structs.replace(row, conversion=conversion)
    table_columns = tuple(Column(name=f"f{at}", caption=f"F {at}") for at in range(WIDTH))
    empty = mappings_of(table_columns, shaped)
    source = tuple(amount if at == 7 else "EUR" if at == 4 else None for at in range(WIDTH))
    return convert(empty, shaped, source, Side.RIGHT, {("RATES", Side.RIGHT, "EUR"): factor})


def mappings_of(table_columns: tuple[Column, ...], row: FieldRow) -> Mapping:

    table = Table(name="t", caption="t", route="t", columns=table_columns)
    return Mapping(name="TEST", left=table, right=table, direction=Direction.BOTH, rows=(row,))


# So close to half a cent that a product of 28 digits is half a cent.
GREATEST = 99_999_999_999_999_999
NEARLY = pow(GREATEST, -1, 10**20) * (5 * 10**19 - 1) % 10**20
exact = st.decimals(min_value=0, max_value=Decimal("999999999999999.99999"), places=5)
rates = st.decimals(min_value=Decimal("1e-20"), max_value=Decimal("1e9"), places=20)


@light
@given(exact, rates, st.integers(min_value=0, max_value=10))
@example(Decimal("999999999999999.99"), Decimal(f"{NEARLY}E-20"), 2)
@example(Decimal("1.005"), Decimal(1), 2)
def test_money_is_exact_and_half_a_cent_goes_up(amount: Decimal, factor: Decimal, digits: int) -> None:
    made = money(amount, factor, digits)
    assert isinstance(made, Decimal)
    product = Fraction(amount) * Fraction(factor) * 10**digits
    assert Fraction(made) * 10**digits == (product * 2 + 1) // 2


@light
@given(exact)
def test_a_rate_of_one_changes_no_amount_of_cents(amount: Decimal) -> None:
    cents = amount.quantize(Decimal("0.01"))
    assert same_value(money(cents, 1), cents)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("amount", "factor"),
    [
        ("a lot", Decimal(2)),
        (True, Decimal(2)),
        (Decimal("NaN"), Decimal(2)),
        (Decimal("sNaN"), Decimal(2)),
        (Decimal("Infinity"), Decimal(2)),
        (Decimal("1e400"), Decimal(2)),
        (Decimal(-1), Decimal(2)),
        (Decimal(1), "two"),
        (Decimal(1), True),
        (Decimal(1), Decimal("NaN")),
        (Decimal(1), Decimal(-2)),
    ],
)
def test_no_amount_is_made_of_what_is_none(amount: Value, factor: Answer) -> None:
    made = money(amount, factor)
    assert isinstance(made, Rejected)
    assert "money to right" in made.reason
    assert repr(amount) in made.reason or str(amount) in made.reason


@pytest.mark.parametrize("amount", [Decimal("-0"), Decimal("0E-30"), 0])
def test_nothing_is_nothing_without_a_sign(amount: Value) -> None:
    assert str(money(amount, Decimal("0.5"))) == "0.00"


@pytest.mark.parametrize("blank", [*sorted(BLANKS - {None}), None], ids=repr)
def test_every_way_to_write_nothing_becomes_the_way_of_the_column(blank: Value) -> None:
    for kind in ("plain", "look_up", "product"):
        row = msgspec.structs.replace(MONEY, conversion=Conversion(kind=kind, source="RATES"))
        column = Column(name="c", caption="C", blank="nothing")
        mapping = mappings_of((column,) * WIDTH, row)
        assert convert(mapping, row, (blank,) * WIDTH, Side.RIGHT, {}) == "nothing"
        strict = msgspec.structs.replace(row, not_null=True)
        assert convert(mapping, strict, (blank,) * WIDTH, Side.RIGHT, {}) is KEEP
