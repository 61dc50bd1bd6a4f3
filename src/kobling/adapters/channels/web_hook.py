"""Messages by web hook: a JSON document, signed."""

from __future__ import annotations

import hmac
from typing import Any, Final

import msgspec

from kobling.model.errors import UnreachableError

TIME_HEADER: Final = "Kobling-Timestamp"
SIGNATURE_HEADER: Final = "Kobling-Signature"
_WAIT_SECONDS: Final = 20.0
_CURE: Final = "Check [webhook] in the configuration, and whether its receiver is there."


def signature(secret: str, moment: int, body: bytes) -> str:
    """HMAC-SHA256 of the time, a dot and the body, as a header. moment: seconds since 1970."""
    return "sha256=" + hmac.digest(secret.encode(), b"%d." % moment + body, "sha256").hex()


async def post(url: str, secret: str, document: dict[str, Any], moment: int) -> None:
    """Posts the document; its receiver knows by the signature that it is ours, and by the time that it is not
    an old one. Raises UnreachableError where it is not taken."""
    import aiohttp

    body = msgspec.json.encode(document)
    headers = {
        "Content-Type": "application/json",
        TIME_HEADER: str(moment),
        SIGNATURE_HEADER: signature(secret, moment, body),
    }
    timeout = aiohttp.ClientTimeout(total=_WAIT_SECONDS)
    try:
        # It is for that address alone, wherever its receiver would send it on.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            if not 200 <= answer.status < 300:
                raise UnreachableError(f"The web hook answers {answer.status}.", cure=_CURE)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        # The words of the library may show the address, which may hold a key; those of the system do not.
        told = str(error) if isinstance(error, OSError) else ""
        words = " ".join(told.split())[:200] or type(error).__name__
        raise UnreachableError(f"The web hook cannot be reached: {words}.", cure=_CURE) from None
