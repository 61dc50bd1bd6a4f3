"""Addresses that a person wrote: what may stand in them, and what is wrong with those that cannot be used."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from kobling.model.errors import ConfigurationError


def checked_address(text: str, where: str, *, path: bool = False, example: str) -> str:
    """The address without a slash at its end, the host in small letters. `path`: whether one may follow it.

    Raises ConfigurationError, which never shows a password that stands in the address.
    """
    cure = f"Write it like {example}"
    # Before anything is shown: a password may stand there, and not always where one is looked for.
    if "@" in text:
        raise ConfigurationError(f"{where} holds an @: it must name no user and no password.", cure=cure)
    parts = _split(text, where, cure)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError(f"{where} is {text!r}, which is no https address.", cure=cure)
    if "?" in text or "#" in text or (parts.path.strip("/") and not path):
        raise ConfigurationError(
            f"{where} is {text!r}, which says more than the service's address.", cure=cure
        )
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ConfigurationError(
            f"{where} is {text!r}: over http the secret and the data could be read on the way.",
            cure="Use https; http is for this machine only (127.0.0.1, ::1, localhost).",
        )
    # Hosts and schemes are the same in any letters; a path is not.
    host = parts.netloc.lower()
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether this host is the machine itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _split(text: str, where: str, cure: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ConfigurationError(
            f"{where} is no address: its host or port cannot be read.", cure=cure
        ) from None
    if any(letter.isspace() for letter in text):
        raise ConfigurationError(f"{where} is {text!r}, which has a blank in it.", cure=cure)
    return parts
