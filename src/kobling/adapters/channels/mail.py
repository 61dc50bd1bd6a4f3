"""Messages by mail, over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from typing import Final

from kobling.adapters.channels.account import STARTTLS, TLS, Account
from kobling.model.errors import ConfigurationError, UnreachableError

_WAIT_SECONDS: Final = 20.0
_CURE: Final = "Check [mail] in the configuration, and whether the mail server is there."
_CURE_LACKS: Final = "Change security, user or the addresses in the configuration to what that server offers."


def send_mail(account: Account, password: str, subject: str, lines: Sequence[str]) -> None:
    """Sends one message to everybody. Blocks for at most some tens of seconds.

    Raises UnreachableError where the server does not take it, ConfigurationError for what it never will.
    """
    if account.user and not f"{account.user}{password}".isascii():
        # The words of the library would show the letter.
        raise ConfigurationError(
            f"{_place(account)} cannot be told this user and password: one holds a letter beyond ASCII.",
            cure="Choose another password, or another user, and write it under [mail].",
        )
    try:
        message = _message(account, subject, lines)
        with _connected(account) as server:
            if account.security == STARTTLS:
                server.starttls(context=ssl.create_default_context())
            if account.user:
                server.login(account.user, password)
            server.send_message(message)
    except smtplib.SMTPNotSupportedError as error:
        raise ConfigurationError(
            f"{_place(account)} lacks what [mail] asks for: {_said(error).rstrip('.')}.", cure=_CURE_LACKS
        ) from None
    except smtplib.SMTPAuthenticationError as error:
        raise ConfigurationError(
            f"{_place(account)} refuses to sign us in: {_said(error)}.", cure=_CURE
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise UnreachableError(f"{_place(account)} takes no mail: {_said(error)}.", cure=_CURE) from None
    except ValueError as error:
        raise ConfigurationError(f"No mail can be made: {error}.", cure=_CURE) from None


def _connected(account: Account) -> smtplib.SMTP:
    if account.security == TLS:
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(account.host, account.port, timeout=_WAIT_SECONDS, context=context)
    return smtplib.SMTP(account.host, account.port, timeout=_WAIT_SECONDS)


def _message(account: Account, subject: str, lines: Sequence[str]) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = account.sender
    message["To"] = ", ".join(account.recipients)
    message["Date"] = formatdate()
    message["Message-ID"] = make_msgid(domain="kobling.invalid")
    # Who answers automatically should not answer this.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines) + "\n")
    return message


def _place(account: Account) -> str:
    return f"The mail server {account.host}:{account.port}"


def _said(error: Exception) -> str:
    """What the server said, or what kept it from saying anything; it never repeats a password."""
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        words = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
        return f"{error.smtp_code} {' '.join(words.split())[:200]}"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"it refuses {', '.join(sorted(error.recipients))[:200]}"
    return " ".join(str(error).split())[:200] or type(error).__name__
