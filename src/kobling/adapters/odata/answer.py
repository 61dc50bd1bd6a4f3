"""One answer, of a request or of a part of a batch: JSON with exact decimals, pages, and errors in words."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from kobling.model.errors import CredentialsError, KoblingError, ProtocolError, RightsError, UnreachableError
from kobling.ports import Row

T = TypeVar("T")
PASSING: Final = frozenset({408, 429, 502, 503, 504})
_SHOWN: Final = 60
_LONGEST_MESSAGE: Final = 500
_LONGEST_BACK_OFF_SECONDS: Final = 60.0


class RowsPage(msgspec.Struct):
    """A page of rows as both services send it."""

    value: list[Row]
    next: str = msgspec.field(name="@odata.nextLink", default="")
    delta: str = msgspec.field(name="@odata.deltaLink", default="")


_any: Final = msgspec.json.Decoder(float_hook=Decimal)
_row: Final = msgspec.json.Decoder(Row, float_hook=Decimal)
_page: Final = msgspec.json.Decoder(RowsPage, float_hook=Decimal)


class Answer(msgspec.Struct, frozen=True):
    """Status, headers and body of one answer. A part of a batch has its header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes | msgspec.Raw = b""

    def json(self, where: str) -> Any:
        """The body as JSON with exact decimals; ProtocolError if it is none. `where` begins the sentence."""
        return self.decoded(_any, where)

    def row_at_once(self) -> Row | None:
        """The body as one row; None where it is none, which `row` says in words."""
        try:
            return _row.decode(self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def row(self, where: str) -> Row:
        """The body as one row."""
        return self.decoded(_row, where)

    def page(self, where: str) -> RowsPage:
        """The body as a page of rows."""
        return self.decoded(_page, where)

    def decoded(self, decoder: msgspec.json.Decoder[T], where: str) -> T:
        """The body as the decoder's type; ProtocolError if it is not."""
        try:
            return decoder.decode(self.body)
        except msgspec.ValidationError as error:
            raise ProtocolError(
                f"{where} answered {self.status} with JSON of another form than its protocol's ({error}).",
                cure="Check that the address is the service's own and that its version is supported.",
            ) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            shown = bytes(self.body)[:_SHOWN].decode("utf-8", "replace")
            raise ProtocolError(
                f"{where} answered {self.status} with something that is not JSON ({shown!r}: {error}).",
                cure="Check that the address is the service itself and not a portal or a proxy page.",
            ) from error

    def problem(self) -> tuple[str, str]:
        """Code and message of an error answer, in the service's words; without a body, what there is."""
        try:
            document = _any.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            text = bytes(self.body)[:200].decode("utf-8", "replace")
            return "", text or f"status {self.status} without a body"
        error = document.get("error") if isinstance(document, dict) else None
        if not isinstance(error, dict):
            return "", f"status {self.status}: {bytes(self.body)[:200].decode('utf-8', 'replace')}"
        return str(error.get("code") or ""), str(error.get("message") or "")


def one_line(text: str) -> str:
    """The text without line ends, cut where it would fill a screen."""
    joined = " ".join(text.split())
    return joined if len(joined) <= _LONGEST_MESSAGE else f"{joined[:_LONGEST_MESSAGE]}…"


def refused(service: str, what: str, answer: Answer, cure: str) -> KoblingError:
    """The error for a request that should not fail: what was asked for, status, the service's words."""
    code, message = answer.problem()
    words = one_line(f"{code} {message}")
    text = f"{service} answered {answer.status} for {what}: {words}"
    if answer.status == 401:
        return CredentialsError(text, cure="Check the application user and its rights.")
    if answer.status in PASSING or answer.status == 500:
        return UnreachableError(text, cure="Try again later.")
    if bytes(answer.body).strip():
        try:
            answer.json(f"{service} for {what}")
        except ProtocolError as error:
            return error
    return (RightsError if answer.status == 403 else ProtocolError)(text, cure=cure)


def same_origin(url: str, root: str) -> bool:
    """Whether a link leads to the service it came from: only there may the token go."""
    one, other = urlsplit(url), urlsplit(root)
    return (one.scheme, one.netloc.lower()) == (other.scheme, other.netloc.lower())


def next_link(link: str, root: str, service: str) -> str:
    """The link to the next page, '' for none; ProtocolError if it leads to another host."""
    if link and not same_origin(link, root):
        raise ProtocolError(
            f"{service} gives a next page at {urlsplit(link).netloc or 'no host'}, which is not its own host "
            f"{urlsplit(root).netloc}; it is not followed.",
            cure="Put the address that the service itself uses into the configuration.",
        )
    return link


def wait_seconds(headers: Mapping[str, str], attempt: int) -> float:
    """Retry-After, in seconds or as a date, if it makes sense; else from one second, doubling, jittered."""
    asked = (headers.get("Retry-After") or headers.get("retry-after") or "").strip()
    if asked.isascii() and asked.isdigit():
        return float(asked[:9])
    until = _date(asked)
    if until is not None:
        # By the service's own clock where it tells it: ours may differ.
        now = _date(headers.get("Date") or headers.get("date") or "") or datetime.now(UTC)
        if until > now:
            return (until - now).total_seconds()
    # Jitter only spreads senders; it guards nothing.
    return min(2.0**attempt, _LONGEST_BACK_OFF_SECONDS) * (1.0 + random.random() / 2)  # noqa: S311


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
