"""Change tracking: all rows first, then what changed and what was deleted since a token.

Rows come in the order of their versions, deletions after them. A token names the version up to which its
holder has seen everything, and the time it was given: old ones are refused.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from kobling_sandbox.dataverse_errors import DataverseError, bad_query
from kobling_sandbox.dataverse_model import Entity
from kobling_sandbox.dataverse_reads import Reads, next_link
from kobling_sandbox.odata import Options
from kobling_sandbox.rows import Row

_TIME_FORMAT = "%m/%d/%Y %H:%M:%S"
_DAYS_DEFAULT = 7
_SECONDS_A_DAY = 86_400


def refuse_options(entity: Entity, options: Options, *, tracked: bool) -> None:
    """Refuses what change tracking does not support, and tables that are not tracked."""
    if not tracked:
        text = f"Change tracking is not enabled for the entity '{entity.name}'."
        raise DataverseError(400, "0x80044351", text)
    given = {
        "filter": options.filter,
        "orderby": options.order,
        "expand": options.expand,
        "top": options.top is not None,
    }
    for name, value in given.items():
        if value:
            text = f'The "{name}" query parameter isn\'t supported when Change Tracking is enabled.'
            raise bad_query(text)


def first_page(
    reads: Reads, root: str, entity: Entity, options: Options, *, size: int, annotations: str, link: str
) -> dict[str, Any]:
    """A page of all rows; the last one has the delta link, which counts from the start of the first."""
    after, until = "", reads.store.version
    if options.skip_token:
        after, _, text = options.skip_token.partition("!")
        until = _number(text)
    rows: list[Row] = []
    ordered = reads.store.rows(entity.name).ordered(after)
    for row in ordered:
        rows.append(row)
        if len(rows) > size:
            break
    shape = reads.shape(entity, options, annotations)
    answer: dict[str, Any] = {
        "@odata.context": reads.context(root, entity, options),
        "value": [shape(row) for row in rows[:size]],
    }
    if len(rows) > size:
        answer["@odata.nextLink"] = next_link(link, f"{rows[size - 1][entity.table.key]}!{until}")
    else:
        answer["@odata.deltaLink"] = _delta_link(reads, link, until)
    return answer


def delta_page(
    reads: Reads, root: str, entity: Entity, options: Options, *, size: int, annotations: str, link: str
) -> dict[str, Any]:
    """A page of the changes since the delta token: current rows, then deletions."""
    since = read_token(reads, options.delta_token)
    after, until = since, reads.store.version
    if options.skip_token:
        first, _, last = options.skip_token.partition("!")
        after, until = _number(first), _number(last)
    changed = [
        row
        for row in reads.store.rows(entity.name).since(since, "versionnumber")
        if row["versionnumber"] <= until
    ]
    gone = deletions(reads, entity, since, until)
    # One row of numbers for both kinds: deletions follow all changes, whatever their versions.
    offset = after - since
    shape = reads.shape(entity, options, annotations)
    shown: list[dict[str, Any]] = [shape(row) for row in changed[offset : offset + size]]
    left = size - len(shown)
    start = max(0, offset - len(changed))
    context = f"{root}$metadata#{entity.table.set_name}/$deletedEntity"
    shown += [
        {"@odata.context": context, "id": identifier, "reason": "deleted"}
        for identifier in gone[start : start + left]
    ]
    answer: dict[str, Any] = {
        "@odata.context": reads.context(root, entity, options, "/$delta"),
        "value": shown,
    }
    if offset + len(shown) < len(changed) + len(gone):
        token = quote(options.delta_token, safe="")
        joined = f"{link}{'&' if '?' in link else '?'}$deltatoken={token}"
        answer["@odata.nextLink"] = next_link(joined, f"{after + len(shown)}!{until}")
    else:
        answer["@odata.deltaLink"] = _delta_link(reads, link, until)
    return answer


def deletions(reads: Reads, entity: Entity, since: int, until: int) -> list[str]:
    """The ids deleted after one version and up to another, but for rows that exist again."""
    rows = reads.store.rows(entity.name)
    gone = [
        tombstone.id
        for tombstone in reads.store.deleted_since(since, entity.name)
        if tombstone.version <= until and rows.get(tombstone.id) is None
    ]
    return list(dict.fromkeys(gone))


def count_changes(reads: Reads, entity: Entity, token: str) -> int:
    """How many rows changed or went since the token."""
    since = read_token(reads, token)
    changed = reads.store.rows(entity.name).since(since, "versionnumber")
    return len(changed) + len(deletions(reads, entity, since, reads.store.version))


def read_token(reads: Reads, token: str) -> int:
    """The version of a delta token. Raises DataverseError for one that is none or too old."""
    number, _, text = token.partition("!")
    try:
        given = datetime.strptime(text, _TIME_FORMAT).replace(tzinfo=UTC)
        version = _number(number)
    except ValueError:
        raise DataverseError(400, "0x80040203", f"Invalid delta token '{token[:60]}'.") from None
    age_seconds = (reads.store.clock.now() - given).total_seconds()
    if age_seconds > _expiry_days(reads) * _SECONDS_A_DAY:
        text = "Version stamp associated with the client has expired. Please perform a full sync."
        raise DataverseError(400, "0x80044352", text)
    return version


def _expiry_days(reads: Reads) -> int:
    for row in reads.store.rows("organization").by_id.values():
        return int(row.get("expirechangetrackingindays", _DAYS_DEFAULT))
    return _DAYS_DEFAULT


def _delta_link(reads: Reads, link: str, version: int) -> str:
    token = f"{version}!{reads.store.clock.now().strftime(_TIME_FORMAT)}"
    return f"{link}{'&' if '?' in link else '?'}$deltatoken={quote(token, safe='')}"


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise bad_query("Malformed paging or delta token.")
    return int(text)
