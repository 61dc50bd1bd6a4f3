"""The error tree: what went wrong, where, and how to mend it.

KoblingError
├── ConfigurationError     a file, a setting or a mapping is wrong                exit 2
├── PausedError            a person has stopped all writes                        exit 1
├── UnreachableError       a service or the database does not answer              exit 3
│   └── EmbeddedDatabaseError (adapters/postgres/embedded.py)
├── CredentialsError       a service refuses who we are                           exit 3
├── FeedExpiredError       a feed's token is refused: it must be read anew         exit 3
└── ProtocolError          a service answers something that is not its protocol   exit 3
    └── RightsError        a service says that a right is missing                  exit 3
"""

from __future__ import annotations


class KoblingError(Exception):
    """Something failed that a person can mend; the message says what, the cure says how.

    excerpt: where the place in a text matters, that text and below it a mark at the place, as two lines.
    """

    exit_status = 3

    def __init__(self, message: str, *, cure: str = "", excerpt: tuple[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure
        self.excerpt = excerpt

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()


class ConfigurationError(KoblingError):
    """A configuration file, a setting or a mapping is wrong."""

    exit_status = 2


class PausedError(KoblingError):
    """A person has stopped all writes: what is left waits for them."""

    exit_status = 1


class UnreachableError(KoblingError):
    """A service or the database does not answer."""


class CredentialsError(KoblingError):
    """A service refuses the credentials."""


class FeedExpiredError(KoblingError):
    """A service refuses the token of a feed, mostly as it is too old; only a full read goes on from here."""


class ProtocolError(KoblingError):
    """A service answered something that is not its protocol."""


class RightsError(ProtocolError):
    """A service says that we may not do what was asked."""
