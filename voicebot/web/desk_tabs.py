"""One open page of the desk: a bounded queue of messages towards it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from voicebot.web.login import Session

MAX_WAITING = 200
"""Messages that a page may be behind; then it is cut off and comes back fresh."""


class Tab:
    """One WebSocket. `tab_id`: the page's own name for itself, new at each load."""

    def __init__(self, tab_id: str, session: Session, limit: int = MAX_WAITING) -> None:
        self.tab_id, self.session = tab_id, session
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(limit + 1)
        self._limit = limit
        self.closed_because = ""
        self.has_left = False
        """The browser itself has closed it: the page is gone, not its network."""
        self.at_storage = 0
        """Wishes of this page that wait for the database."""

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message; a page that does not keep up is closed ('overflow')."""
        if self.closed_because:
            return
        if self._waiting.qsize() >= self._limit:
            self.close("overflow")
            return
        self._waiting.put_nowait(json.dumps(message, ensure_ascii=False))

    def close(self, because: str) -> None:
        """End it once what is queued was sent."""
        if not self.closed_because:
            self.closed_because = because
            self._waiting.put_nowait(None)

    async def messages(self) -> AsyncIterator[str]:
        """Yield JSON texts until it is closed."""
        while (message := await self._waiting.get()) is not None:
            yield message
