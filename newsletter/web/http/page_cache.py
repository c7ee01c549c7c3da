"""What is the same for everybody is made once and shown to all who ask within the next seconds, in this process.

A public page says itself how long others may keep it (``Cache-Control``); here it is kept for a tenth of that. While one
request makes it anew the others get what was there, so that a crowd never waits for the same page. Nothing personal comes
here: pages come from :func:`newsletter.web.http.headers.public` alone, and what views keep by themselves is read by all alike.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Any

from flask import Response, request

SHARE = 10  # of the time that others may keep a page
LONGEST = 300.0  # seconds
MOST = 400  # pages and the like
GRACE = 10.0  # seconds that others get what was there while one makes it anew
MOMENT = 5.0  # seconds, for what views keep by themselves


@dataclass
class _Kept:
    value: Any
    until: float
    renewing: bool = False


@dataclass(frozen=True)
class _Page:
    body: bytes
    headers: dict[str, str]


class Moments:
    """Values with a time to live, by what they are of. Several threads may ask at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Any, _Kept] = OrderedDict()
        self._lock = Lock()

    def find(self, key: Any) -> Any:
        """What is kept; None when there is nothing or when whoever asks is to make it anew."""
        now = self._clock()
        with self._lock:
            kept = self._kept.get(key)
            if kept is None or (now >= kept.until and not kept.renewing):
                if kept is not None:
                    kept.renewing, kept.until = True, now + GRACE
                return None
            if now >= kept.until:  # whoever was to make it anew found that it is gone
                del self._kept[key]
                return None
            self._kept.move_to_end(key)
            return kept.value

    def keep(self, key: Any, value: Any, seconds: float) -> None:
        with self._lock:
            self._kept[key] = _Kept(value, self._clock() + seconds)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)

    def holds(self) -> list[Any]:
        """What anything is kept of."""
        with self._lock:
            return list(self._kept)

    def recall(self, key: Any, make: Callable[[], Any]) -> Any:
        """What is kept, or what ``make`` gives, kept for a :data:`MOMENT` unless it is None."""
        found = self.find(key)
        if found is None and (found := make()) is not None:
            self.keep(key, found, MOMENT)
        return found

    def keep_page(self, answer: Response, max_age: int) -> None:
        """Keep a public page as the view made it."""
        if request.method in ("GET", "HEAD") and not request.query_string and answer.status_code == 200:
            names = ("Content-Type", "Cache-Control", "Vary", "ETag", "Cross-Origin-Resource-Policy")
            headers = {name: answer.headers[name] for name in names if name in answer.headers}
            self.keep(request.path, _Page(answer.get_data(), headers), min(max_age / SHARE, LONGEST))

    def shown_again(self) -> Response | None:
        """The public page asked for, if it is kept."""
        if request.method not in ("GET", "HEAD") or request.query_string:
            return None
        page = self.find(request.path)
        if page is None:
            return None
        answer = Response(page.body, headers=page.headers)
        answer.make_conditional(request)
        return answer


class Never(Moments):
    """Keeps nothing: where clocks stand still, as in tests, and where every change is to be seen at once."""

    def keep(self, key: Any, value: Any, seconds: float) -> None:
        """Nothing is kept."""
