"""What ends by itself some day, and stops the work if nobody renews it."""

from __future__ import annotations

import shlex
import ssl
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

import msgspec

from kobling.adapters.postgres.examination import feed_tokens
from kobling.service.configuration import ApplicationSection, Configuration
from kobling.service.session import Session

# Until when Business Central tells of changes, as far as the subscriptions were renewed.
SUBSCRIBED: Final = "subscribed until"
# They are renewed two days before their end.
_SUBSCRIPTION_DAYS: Final = 1
_FORGOTTEN: Final = timedelta(days=7)
# What Dataverse keeps of changes unless an organization says otherwise (`expirechangetrackingindays`).
_TOKEN_LIFE: Final = timedelta(days=7)
_TOKEN_DAYS: Final = 2
_CERTIFICATE_BYTES_MAX: Final = 1_000_000


class Expiry(msgspec.Struct, frozen=True, kw_only=True):
    """One of them. subject: what it is. warn_days: from so many days before the end on, people are told; None
    for as early as they want to be told of secrets."""

    subject: str
    expires_at: datetime
    cure: str
    warn_days: int | None = None

    def days_left(self, now: datetime) -> float:
        """Until the end; negative after it."""
        return (self.expires_at - now) / timedelta(days=1)

    def is_near(self, now: datetime, early_days: int) -> bool:
        """Whether it is time to tell people. early_days: for what they renew themselves."""
        days = early_days if self.warn_days is None else min(self.warn_days, early_days)
        return self.days_left(now) <= days

    def words(self, now: datetime) -> str:
        """When it ends."""
        day, days = f"{self.expires_at.astimezone(UTC):%Y-%m-%d}", int(self.days_left(now))
        return f"it expired on {day}" if self.days_left(now) < 0 else f"it expires on {day}, in {days} days"


def configured(configuration: Configuration) -> list[Expiry]:
    """Secrets and certificates, as far as their ends are known."""
    return [
        one
        for section, place in (("bc", configuration.bc), ("crm", configuration.crm))
        for one in (*_secret(section, place), *_certificate(section, place.ca_file))
    ]


def _secret(section: str, place: ApplicationSection) -> list[Expiry]:
    if place.secret_expires is None:
        return []
    cure = "Make a new secret in Microsoft Entra, and put it and its day into the configuration."
    moment = datetime.combine(place.secret_expires, time(), UTC)
    return [Expiry(subject=f"{section} secret", expires_at=moment, cure=cure)]


def _certificate(section: str, path: Path | None) -> list[Expiry]:
    """The certificate that ends first of a file; nothing where it cannot be read, which the sign-in tells."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        if path is None or not path.is_file() or path.stat().st_size > _CERTIFICATE_BYTES_MAX:
            return []
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError):
        return []
    ends = [ssl.cert_time_to_seconds(str(one["notAfter"])) for one in context.get_ca_certs()]
    cure = f"Put the new certificate of that authority into {path.name}."
    moments = [datetime.fromtimestamp(min(ends), UTC)] if ends else []
    return [Expiry(subject=f"{section} certificate", expires_at=one, cure=cure) for one in moments]


async def kept(session: Session, now: datetime) -> list[Expiry]:
    """Subscriptions, and tokens of the feeds that enabled mappings read."""
    found = []
    until = (await session.state.marks()).get(SUBSCRIBED)
    # What has been over for long was switched off.
    if until and datetime.fromisoformat(until) > now - _FORGOTTEN:
        cure = "Look why `kobling serve` does not renew them; until then changes are found once a minute."
        moment = datetime.fromisoformat(until)
        found.append(
            Expiry(subject="bc subscriptions", expires_at=moment, cure=cure, warn_days=_SUBSCRIPTION_DAYS)
        )
    readers: dict[str, list[str]] = {}
    for name, one in (await session.mappings()).items():
        readers.setdefault(one.right.route, []).append(name)
    for route, given_at in await feed_tokens(session.state.database, session.state.connection_id):
        if route in readers:
            found.append(_token(route, given_at, readers[route]))
    return found


def _token(route: str, given_at: datetime, names: list[str]) -> Expiry:
    return Expiry(
        subject=f"changes of {route}",
        expires_at=given_at + _TOKEN_LIFE,
        cure=f"Run it before: kobling sync {shlex.join(sorted(names))}. Else the table is read anew.",
        warn_days=_TOKEN_DAYS,
    )


async def expiries(session: Session, now: datetime) -> list[Expiry]:
    """All of them."""
    return [*configured(session.configuration), *await kept(session, now)]
