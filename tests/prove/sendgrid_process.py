"""The SendGrid of the proof: ``python -m tests.prove.sendgrid_process LOG SEED``.

Takes mail, keeps a log of it, goes wrong by a seeded schedule, and reports signed events to a site: twice, shuffled, late, forged,
too old, or never.
"""

from __future__ import annotations

import queue
import random
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.prove.far_side import Killer, Log, listen
from tests.servers.event_signing import Signer, body_of, word
from tests.servers.sendgrid_server import SendGridServer

# What may go wrong with a call, and how often in comparison. Before acceptance nothing is taken; "accept-then-…" takes the mail first.
FAULTS: dict[str, int] = {
    "reset": 2,
    "half": 2,
    "500": 1,
    "502": 1,
    "503": 1,
    "429": 2,
    "401": 1,
    "accept-then-hang": 2,
    "accept-then-reset": 3,
    "accept-then-half": 2,
    "accept-then-202-and-half": 2,
    "accept-then-half-body": 1,
    "accept-then-500": 2,
    "accept-then-502": 1,
    "accept-then-503": 1,
    "accept-then-no-id": 2,
    "accept-then-no-requests-left": 1,
}
MISSING, LATE, TWICE = 0.02, 0.02, 0.25  # shares of the events


@dataclass
class Provider(SendGridServer):
    log: Log = field(kw_only=True)
    seed: str = field(kw_only=True)
    share: float = 0.0  # of the calls that go wrong
    delay: float = 0.0  # seconds before anything is taken
    kinds: Sequence[str] = ()  # which; all of them when empty
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.hang = 2.0
        self.keeps_open = True  # connections, as the real one does
        self.fault = self._decide
        self.killer = Killer()
        self.reports = Reports(self.seed, self.counts)
        self._dropped: set[int] = set()

    def lets_in(self, key: str) -> bool:
        return key.startswith("SG.prove.")

    def number(self, body: dict[str, Any]) -> int:
        with self._lock:
            self.counts["calls"] += 1
            return self.counts["calls"]

    def refuse(self, body: dict[str, Any]) -> list[dict[str, str]]:
        found = [
            {
                "field": f"personalizations.{n}.to.0.email",
                "message": "Does not contain a valid address.",
            }
            for n, one in enumerate(body["personalizations"])
            if one["to"][0]["email"].startswith("refused")
        ]
        self.counts["refused by name"] += bool(found)
        return found or super().refuse(body)

    def reached(self, point: str, key: str) -> None:
        if self.killer.reached(point, key) and point == "before-acceptance":
            self._dropped.add(threading.get_ident())

    def take(self, body: dict[str, Any], message_id: str) -> None:
        rows = [
            {
                "to": one["to"][0]["email"],
                "subject": body["subject"],
                "reference": one["custom_args"]["reference"],
            }
            for one in body["personalizations"]
        ]
        self.log.taken(rows)
        self.counts["taken"] += len(rows)
        self.reports.of([row["reference"] for row in rows])

    def _decide(self, number: int, body: dict[str, Any]) -> Any:
        time.sleep(self.delay)
        chance = random.Random(f"{self.seed}:{number}")
        if threading.get_ident() in self._dropped:
            # Its client died with the whole call on its way: whether we took it before we noticed is a matter of luck.
            self._dropped.discard(threading.get_ident())
            return None if chance.random() < 0.5 else "close"
        if chance.random() >= self.share:
            return None
        kinds = {kind: FAULTS[kind] for kind in self.kinds or FAULTS}
        kind = chance.choices(list(kinds), list(kinds.values()))[0]
        self.counts[kind] += 1
        if kind == "429":
            return 429, {"Retry-After": "5"}, [{"message": "too many requests"}]
        return int(kind) if kind.isdigit() else kind


class Reports:
    """The event webhook: what we tell the site of what we took."""

    def __init__(self, seed: str, counts: Counter[str]) -> None:
        self._chance = random.Random(f"{seed}:reports")
        self._counts = counts
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue()
        self._late: list[dict[str, Any]] = []
        self._old: list[dict[str, Any]] = []  # posted before, to be posted again
        self._site = ""
        self._reporting = False
        self._number = 0
        self._signer, self._forger = Signer(), Signer()
        self.suppressing: list[str] = []  # references of which we reported what ends in a Suppression
        self._lock = threading.Lock()
        threading.Thread(target=self._post_forever, daemon=True).start()

    @property
    def public_key(self) -> str:
        return self._signer.public

    def go_to(self, site: str) -> None:
        self._reporting = bool(site)
        self._site = site or self._site

    def of(self, references: list[str]) -> None:
        """ "processed" and "delivered" of each; seldom something worse; some never, some late."""
        if not self._reporting:
            return
        now = datetime.now(UTC)
        with self._lock:
            for reference in references:
                later = self._chance.choices(
                    ["delivered", "deferred", "bounce", "spamreport", "unsubscribe"], [950, 40, 4, 3, 3]
                )[0]
                for name in ("processed", later):
                    self._number += 1
                    one = word(f"sg-{self._number:07d}", name, reference, at=now)
                    if name in ("bounce", "spamreport", "unsubscribe"):
                        self.suppressing.append(reference)
                        self._waiting.put(one)
                        continue
                    chance = self._chance.random()
                    if chance < MISSING:
                        self._counts["events never sent"] += 1
                    elif chance < MISSING + LATE:
                        self._late.append(one)
                    else:
                        self._waiting.put(one)

    def flush(self, *, late: bool) -> int:
        """Until everything waiting was taken by the site; what is late as well when ``late``."""
        if late:
            with self._lock:
                for one in self._late:
                    self._waiting.put(one)
                self._counts["events late"] += len(self._late)
                self._late.clear()
        ends = time.monotonic() + 60
        while self._waiting.unfinished_tasks and time.monotonic() < ends:
            time.sleep(0.005)
        return self._waiting.unfinished_tasks

    def _post_forever(self) -> None:
        while True:
            words = [self._waiting.get()]
            time.sleep(0.02)
            while len(words) < 200:
                try:
                    words.append(self._waiting.get_nowait())
                except queue.Empty:
                    break
            again = [one for one in (*words, *self._old[-50:]) if self._chance.random() < TWICE]
            told = [*words, *again]
            self._chance.shuffle(told)
            while not self._post(told):
                time.sleep(0.2)  # as the real one does: until it is taken
            self._counts["events"] += len(words)
            self._counts["events twice"] += len(again)
            self._old = [*self._old[-200:], *words]
            self._try_to_fool(words)
            for _ in words:
                self._waiting.task_done()

    def _try_to_fool(self, words: list[dict[str, Any]]) -> None:
        """Forged by another key, and genuine but an hour old: neither must change anything."""
        if self._chance.random() > 0.2:
            return
        now = datetime.now(UTC)
        lies = [
            {**one, "event": "bounce", "sg_event_id": f"forged-{one['sg_event_id']}"} for one in words[:5]
        ]
        for name, signer, at in (
            ("forged", self._forger, now),
            ("stale", self._signer, now - timedelta(hours=1)),
        ):
            status = self._send(body_of(lies), signer, at)
            self._counts[f"{name} posts"] += 1
            self._counts[f"{name} posts taken"] += status != 403

    def _post(self, words: list[dict[str, Any]]) -> bool:
        return self._send(body_of(words), self._signer, datetime.now(UTC)) == 204

    def _send(self, body: bytes, signer: Signer, at: datetime) -> int:
        asked = urllib.request.Request(
            f"{self._site}/webhooks/sendgrid", body, signer.headers(body, at=at), method="POST"
        )
        try:
            with urllib.request.urlopen(asked, timeout=40) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0


def main(log: str, seed: str) -> None:
    with Provider(log=Log(Path(log)), seed=seed) as provider:

        def faults(asked: dict[str, Any]) -> float:
            provider.share, provider.delay, provider.kinds = asked["share"], asked["delay"], asked["kinds"]
            return provider.share

        def site(asked: dict[str, Any]) -> str:
            provider.reports.go_to(asked["url"])
            return asked["url"]

        listen(
            {
                "faults": faults,
                "site": site,
                "key": lambda _: provider.reports.public_key,
                "flush": lambda asked: provider.reports.flush(late=asked["late"]),
                "counts": lambda _: dict(provider.counts),
                "suppressing": lambda _: provider.reports.suppressing,
            },
            int(provider.url.rpartition(":")[2]),
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
