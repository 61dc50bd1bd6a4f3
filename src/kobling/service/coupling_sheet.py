"""Couplings as a spreadsheet: a file of pairs is read, judged row by row, and coupled."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Table
from pathlib import Path
from typing import Final

import msgspec

from kobling.engine.couple import Fate, Judged, couple_many
from kobling.engine.task import Context, Options
from kobling.model.errors import ConfigurationError
from kobling.model.mapping import Mapping
from kobling.model.values import guid
from kobling.service.couplings import USES, opened
from kobling.service.documents import job_document
from kobling.service.files import read_bytes
from kobling.service.identifiers import numbered
from kobling.service.session import Document, Session
from kobling.service.synchronize import exit_status, run_records

_BYTES_MAX: Final = 64 * 1024 * 1024
_CELL_MAX: Final = 1000
_DELIMITERS: Final = (",", ";", "\t")
# What the columns are called, in small letters; what `coupling export` writes comes first.
_HEADINGS: Final = {
    "bc": ("bc_id", "bc id", "bc"),
    "number": ("number", "no.", "no"),
    "crm": ("crm_id", "crm id", "sales id", "crm"),
}
_SAVE: Final = "Save it as CSV UTF-8 with the columns bc_id (or number) and crm_id."
# What a spreadsheet takes for the beginning of a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the file. bc: an id, '' where only the number is given. wrong: why it names no pair."""

    line: int
    bc: str = ""
    number: str = ""
    crm: str = ""
    wrong: str = ""


def guarded(value: object) -> str:
    """A cell that no spreadsheet takes for a formula; `unguarded` gives it back."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) or _is_guarded(text) else text


def unguarded(text: str) -> str:
    """What was written as `guarded`."""
    return text[1:] if _is_guarded(text) else text


def _is_guarded(text: str) -> bool:
    return text.startswith("'") and text.lstrip("'").startswith(_FORMULA)


def read_pairs(data: bytes, file: str) -> list[Row]:
    """The rows of a CSV file with a heading; blank rows are passed over. file: for the errors.

    Raises ConfigurationError for what is no such file: another encoding, no heading, cells without an end.
    """
    text = _decoded(data, file)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        return list(_rows(reader, file))
    except csv.Error as error:
        raise ConfigurationError(f"{file}, line {reader.line_num}: {error}.", cure=_SAVE) from None


def _decoded(data: bytes, file: str) -> str:
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigurationError(f"{file}, line {line}: the text is not UTF-8.", cure=_SAVE) from None
    if "\0" in text:
        raise ConfigurationError(f"{file} is no text.", cure=_SAVE)
    return text


def _rows(reader: Iterator[list[str]], file: str) -> Iterator[Row]:
    at: dict[str, int] | None = None
    line = 0
    for cells in reader:
        line = reader.line_num  # type: ignore[attr-defined]
        if not any(one.strip() for one in cells):
            continue
        if at is None:
            at = _columns([one.strip().casefold() for one in cells], file)
            continue
        yield _row(line, {name: cells[one] if one < len(cells) else "" for name, one in at.items()})
    if at is None:
        raise ConfigurationError(f"{file} is empty.", cure=_SAVE)


def _columns(headings: Sequence[str], file: str) -> dict[str, int]:
    found = {
        name: next(headings.index(one) for one in known if one in headings)
        for name, known in _HEADINGS.items()
        if not set(known).isdisjoint(headings)
    }
    if "crm" not in found or found.keys() == {"crm"}:
        raise ConfigurationError(
            f"{file}: the first row must name the columns, and has {', '.join(headings[:10])!r}.", cure=_SAVE
        )
    return found


def _row(line: int, cells: dict[str, str]) -> Row:
    texts = {name: unguarded(one.strip()) for name, one in cells.items()}
    bc, number, crm = (texts.get(one, "") for one in ("bc", "number", "crm"))
    if not crm or not (bc or number):
        side = "Sales" if not crm else "Business Central"
        return Row(line=line, bc=bc, number=number, crm=crm, wrong=f"the record of {side} is missing")
    if any(len(one) > _CELL_MAX for one in (bc, number, crm)):
        return Row(line=line, wrong="a cell is longer than any id")
    ids = {"bc": _id(bc, "bc"), "crm": _id(crm, "crm")}
    if not ids["crm"]:
        return Row(line=line, bc=bc, number=number, crm=crm, wrong=f"{crm!r} is no id of Sales")
    if bc and not ids["bc"]:
        return Row(line=line, bc=bc, number=number, crm=crm, wrong=f"{bc!r} is no id of Business Central")
    return Row(line=line, bc=ids["bc"], number=number, crm=ids["crm"])


def _id(text: str, prefix: str) -> str:
    """The GUID, with or without its prefix and braces; '' for anything else."""
    return guid(text.removeprefix(f"{prefix}:").strip("{} "))


async def import_couplings(
    session: Session, name: str, file: Path, use: str, *, dry_run: bool, wait: Callable[[str], None]
) -> tuple[Document, int]:
    """Couples the pairs of a file; each row gets its fate. dry_run: says it, and does nothing.

    The status is 1 where a row is not coupled, or the run that `use` starts leaves something. Raises
    ConfigurationError for a file that cannot be read.
    """
    chosen = session.definition(name).name
    cure = "Name a list of couplings that is there; a longer one can be split into several files."
    rows = read_pairs(read_bytes(file, _BYTES_MAX, "list of couplings", cure), file.name)
    holding = session.locked([chosen], wait, rehearse=dry_run)
    async with session.context(Options()) as context, holding:
        mapping = await opened(session, context, chosen)
        rows = await _located(context, mapping, rows)
        pairs = [(one.bc, one.crm) for one in rows if not one.wrong]
        judged = iter(await couple_many(context, chosen, pairs, USES[use], rehearse=dry_run))
        entries = [_entry(one, None if one.wrong else next(judged)) for one in rows]
        done = [one for one in entries if one["fate"] == Fate.COUPLE]
        reports = []
        if use and not dry_run:
            ids = [each for one in done for each in (one["bc_id"], one["crm_id"])]
            reports = await run_records(context, chosen, ids)
    fates = Counter(str(one["fate"]) for one in entries)
    document: Document = {
        "mapping": chosen,
        "rows": entries,
        "fates": [{"fate": fate, "rows": number} for fate, number in fates.most_common()],
        "jobs": [job_document(one) for one in reports],
    }
    left = any(one["fate"] not in {Fate.COUPLE, Fate.COUPLED} for one in entries)
    return document, 1 if left else exit_status(reports)


async def _located(context: Context, mapping: Mapping, rows: Sequence[Row]) -> list[Row]:
    """The rows with the ids of what they name by its number."""
    asked = list(dict.fromkeys(one.number for one in rows if not one.wrong and not one.bc))
    known = await numbered(context, mapping, asked)
    found = []
    for one in rows:
        if not one.wrong and not one.bc:
            bc = known.get(one.number.casefold(), "")
            wrong = "" if bc else f"there is no {mapping.left.caption} with the number {one.number!r}"
            one = msgspec.structs.replace(one, bc=bc, wrong=wrong)
        found.append(one)
    return found


def _entry(row: Row, judged: Judged | None) -> Document:
    head = {"line": row.line, "bc_id": row.bc or None, "number": row.number, "crm_id": row.crm or None}
    if judged is None:
        return {**head, "fate": "unreadable", "message": row.wrong, "outside": None}
    return {
        **head,
        "fate": judged.fate.value,
        "message": judged.message,
        "outside": judged.outside or None,
    }


def csv_text(entries: Sequence[Document], titles: Table[str, str]) -> str:
    """Entries as CSV with a heading, for a spreadsheet; no cell is a formula. titles: by key."""
    text = io.StringIO(newline="")
    # With this end of a row, a cell with any end of a line in it is quoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(titles.values())
    for one in entries:
        writer.writerow([guarded(_flat(one[key])) for key in titles])
    return text.getvalue()


def _flat(value: object) -> object:
    if isinstance(value, dict | list):
        return msgspec.json.Encoder(decimal_format="number").encode(value).decode()
    return value


def write_sheet(file: Path, text: str) -> None:
    """Writes a CSV file that Excel reads as UTF-8. Raises ConfigurationError."""
    try:
        file.write_text(text, encoding="utf-8-sig", newline="")
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}.", cure="Name another file."
        ) from None
