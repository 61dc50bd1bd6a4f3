"""Values of Business Central's fields: what a client may send, what is kept, what is shown.

Kept values: text and codes as str (never null), options by member name, decimals as Decimal, dates as
`YYYY-MM-DD`, times as ISO text in UTC, identifiers as lower-case GUID text.
"""

import re
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

from kobling_sandbox.business_central_errors import bad_request, dialog
from kobling_sandbox.tables import Column

Checker = Callable[[object], object]

BLANK_DATE = "0001-01-01"
BLANK_TIME = "0001-01-01T00:00:00Z"
BLANK_ID = "00000000-0000-0000-0000-000000000000"
# Business Central keeps 18 significant digits of a decimal.
DECIMAL_DIGITS_MAX = 18
_EMAIL = re.compile(r"[^\s@;,<>()]+@[^\s@;,<>()]+\.[^\s@;,<>().]+")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_EDM = {
    "string": "Edm.String",
    "code": "Edm.String",
    "option": "Edm.String",
    "boolean": "Edm.Boolean",
    "integer": "Edm.Int32",
    "bigint": "Edm.Int64",
    "decimal": "Edm.Decimal",
    "datetime": "Edm.DateTimeOffset",
    "date": "Edm.Date",
    "guid": "Edm.Guid",
}
_BLANKS: dict[str, object] = {
    "string": "",
    "code": "",
    "boolean": False,
    "integer": 0,
    "bigint": 0,
    "decimal": Decimal(0),
    "datetime": BLANK_TIME,
    "date": BLANK_DATE,
    "guid": BLANK_ID,
}


def blank(column: Column) -> object:
    """What a field holds before anybody sets it."""
    if column.type == "option":
        return next(iter(column.options))
    return _BLANKS[column.type]


def checker(column: Column) -> Checker:
    """A function from the value sent to the value kept; it raises the error that a client sees."""
    check = _checker_of(column)
    empty = blank(column)

    def check_or_blank(value: object) -> object:
        return empty if value is None else check(value)

    return check_or_blank


def _checker_of(column: Column) -> Checker:
    if column.type in ("string", "code"):
        return _text_checker(column)
    if column.type == "option":
        return _option_checker(column)
    return _SIMPLE[column.type]


def _text_checker(column: Column) -> Checker:
    extra = _EXTRA.get(column.rules.get("check", ""))
    caption, is_code = column.caption, column.type == "code"
    assert column.maximum_length is not None, f"{column.name}: a text has a length"
    length_max = column.maximum_length

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise _wrong_type("string")
        text = value.strip(" ").upper() if is_code else value
        # Most texts are short: only a long one is measured as the server does, in UTF-16 units.
        if len(text) * 2 > length_max and _units(text) > length_max:
            raise bad_request(
                f"The length of the string is {_units(text)}, but it must be less than or equal to "
                f"{length_max} characters. Value: {text}",
                "Application_StringExceededLength",
            )
        if extra is not None and text:
            extra(text, caption)
        return text

    return check


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _telephone(text: str, caption: str) -> None:
    if any(character.isalpha() for character in text):
        raise dialog(f"{caption} must not contain letters. Value: {text}")


def _email(text: str, caption: str) -> None:
    for address in text.replace(",", ";").split(";"):
        if not _EMAIL.fullmatch(address.strip()):
            raise dialog(f'The email address "{address.strip()}" is not valid.')


_EXTRA: dict[str, Callable[[str, str], None]] = {"telephone": _telephone, "email": _email}


def member_text(name: str) -> str:
    """The plain text of an option's member name: `Credit_x0020_Memo` is `Credit Memo`."""
    return re.sub(r"_x([0-9A-Fa-f]{4})_", lambda match: chr(int(match[1], 16)), name)


def _option_checker(column: Column) -> Checker:
    members = {name: name for name in column.options}
    members |= {member_text(name): name for name in column.options}
    choices = ",".join(map(member_text, column.options))

    def check(value: object) -> object:
        if not isinstance(value, str):
            raise _wrong_type("option")
        if value not in members:
            raise bad_request(f"'{value}' is not an option. The existing options are: {choices}", "Unknown")
        return members[value]

    return check


def _boolean(value: object) -> object:
    if not isinstance(value, bool):
        raise _wrong_type("boolean")
    return value


def _whole(bits: int, kind: str) -> Checker:
    def check(value: object) -> object:
        if isinstance(value, bool) or not isinstance(value, int) or not -(2**bits) <= value < 2**bits:
            raise _wrong_type(kind)
        return value

    return check


def _decimal(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise _wrong_type("decimal")
    number = Decimal(value)
    if not number.is_finite() or number.adjusted() >= DECIMAL_DIGITS_MAX:
        raise bad_request(f"The decimal value {value} is out of range.", "Application_EvaluateException")
    return number


def _date(value: object) -> object:
    if not isinstance(value, str):
        raise _wrong_type("date")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise _wrong_type("date") from None


def _time(value: object) -> object:
    if not isinstance(value, str):
        raise _wrong_type("datetime")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise _wrong_type("datetime") from None
    if moment.tzinfo is None:
        raise _wrong_type("datetime")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def guid(value: object) -> object:
    """Any usual form of a GUID to lower case without braces."""
    if not isinstance(value, str):
        raise _wrong_type("guid")
    if _GUID.fullmatch(value):  # the usual form, which needs no more than a look
        return value
    try:
        return str(uuid.UUID(value))
    except ValueError:
        raise bad_request(f"Invalid GUID: {value}", "Application_InvalidGUID") from None


_SIMPLE: dict[str, Checker] = {
    "boolean": _boolean,
    "integer": _whole(31, "integer"),
    "bigint": _whole(63, "bigint"),
    "decimal": _decimal,
    "datetime": _time,
    "date": _date,
    "guid": guid,
}


def _wrong_type(kind: str) -> Exception:
    return bad_request(f"Cannot convert the literal to the expected type '{_EDM[kind]}'.")
