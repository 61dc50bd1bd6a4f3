"""Reading ahead: the next page is on its way while the one before is worked on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kobling.ports import Page


async def read_ahead(pages: AsyncIterator[Page]) -> AsyncIterator[Page]:
    """The same pages in the same order; never more than one beyond the one in hand."""
    following = asyncio.ensure_future(anext(pages, None))
    try:
        while (page := await following) is not None:
            following = asyncio.ensure_future(anext(pages, None))
            yield page
    finally:
        following.cancel()
        # Also fetches the error of a page that nobody wants any more.
        await asyncio.gather(following, return_exceptions=True)
