"""A mail account, as it is configured."""

from __future__ import annotations

from typing import Final

import msgspec

STARTTLS: Final = "starttls"
TLS: Final = "tls"
NONE: Final = "none"
SECURITIES: Final = (STARTTLS, TLS, NONE)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Where mail goes out. security: one of SECURITIES. user: "" for none."""

    host: str
    port: int
    security: str
    user: str = ""
    sender: str
    recipients: tuple[str, ...]
