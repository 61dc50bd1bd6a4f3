"""The shipped job queue entry of each mapping."""

from __future__ import annotations

from typing import Final

import msgspec

from kobling.model.schedule import Entry, Status, Timing, Work

_DAY_SECONDS: Final = 24 * 60 * 60
_CUSTOMERS: Final = "BCI CUST"
_OPTIONS: Final = "BCI OPTION"
_TIMING: Final = Timing()
_SLOW: Final = Timing(inactivity_seconds=_DAY_SECONDS)
# Customers, vendors and contacts read the same tables, and options the same columns: one after the other is
# kinder to the services. What is not here runs as `Timing` has it.
TIMINGS: Final[dict[str, Timing]] = {
    **{one: Timing(category=_CUSTOMERS) for one in ("CUSTOMER", "VENDOR", "CONTACT")},
    **{
        one: Timing(category=_OPTIONS, inactivity_seconds=_DAY_SECONDS)
        for one in ("PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT")
    },
    **dict.fromkeys(
        (
            *("SALESPEOPLE", "ITEM-PRODUCT", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", "PLHEADER-PRICE"),
            *("PLLINE-PRODPRICE", "POSTEDSALESINV-INV"),
        ),
        _SLOW,
    ),
}
# Shipped on hold: the built-in integration runs opportunities by hand only.
_HELD: Final = frozenset({"OPPORTUNITY"})
# A run that is asked for is tried twice.
ONCE: Final = Timing(attempts_max=2)
_KINDS: Final = {
    Work.CHANGES: "synchronization",
    Work.FULL: "full synchronization",
}


def timing_of(mapping: str) -> Timing:
    """When the entry of that mapping runs as shipped."""
    return TIMINGS.get(mapping, _TIMING)


def shipped_status(mapping: str) -> Status:
    """The status that its entry begins with."""
    return Status.ON_HOLD if mapping in _HELD else Status.READY


def name_of(entry: Entry) -> str:
    """What people call an entry."""
    return f"{entry.mapping} - Dynamics 365 Sales {_KINDS[entry.work]} job"


class TimingEdits(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a person changed of the shipped timing; what is unset stands as shipped."""

    every_seconds: int | msgspec.UnsetType = msgspec.UNSET
    inactivity_seconds: int | msgspec.UnsetType | None = msgspec.UNSET
    attempts_max: int | msgspec.UnsetType = msgspec.UNSET
    delay_seconds: int | msgspec.UnsetType = msgspec.UNSET
    category: str | msgspec.UnsetType = msgspec.UNSET
    days: tuple[int, ...] | msgspec.UnsetType = msgspec.UNSET
    opens: int | msgspec.UnsetType = msgspec.UNSET
    closes: int | msgspec.UnsetType = msgspec.UNSET
    time_zone: str | msgspec.UnsetType = msgspec.UNSET
    quiet_seconds: int | msgspec.UnsetType | None = msgspec.UNSET


def edited(timing: Timing, edits: TimingEdits) -> Timing:
    """The timing with a person's changes."""
    given = {
        name: value for name, value in msgspec.structs.asdict(edits).items() if value is not msgspec.UNSET
    }
    return msgspec.structs.replace(timing, **given)
