"""The error tree: what went wrong, where, and how to mend it.

KoblingError
├── UsageError            the command was called in a way it does not take       exit 2
├── ConfigurationError    a file, a setting or a mapping is wrong                exit 2
├── ForeignDatabaseError  our state and a service do not belong together         exit 2
├── UnreachableError      a service or the database does not answer              exit 3
├── CredentialsError      a service refuses who we are                           exit 3
└── ProtocolError         a service answers something that is not its protocol   exit 3
"""

from __future__ import annotations


class KoblingError(Exception):
    """Something failed that a person can mend; the message says what, the cure says how."""

    exit_status = 3

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def __str__(self) -> str:
        return f"{self.message} {self.cure}".strip()


class UsageError(KoblingError):
    """The command was called in a way that it does not take."""

    exit_status = 2


class ConfigurationError(KoblingError):
    """A configuration file, a setting or a mapping is wrong."""

    exit_status = 2


class ForeignDatabaseError(ConfigurationError):
    """The stored state and the service it meets do not belong together."""


class UnreachableError(KoblingError):
    """A service or the database does not answer."""


class CredentialsError(KoblingError):
    """A service refuses the credentials."""


class ProtocolError(KoblingError):
    """A service answered something that is not its protocol."""
