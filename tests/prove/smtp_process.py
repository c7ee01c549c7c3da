"""The SMTP relay of the proof: ``python -m tests.prove.smtp_process LOG SEED``. Keeps a log of what it took and goes wrong by a seeded schedule."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import warnings
from collections import Counter
from email import message_from_bytes
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from tests.prove.far_side import Killer, Log, listen
from tests.servers.smtp_server import SmtpServer

# At each point: what may be said instead, and how often in comparison.
FAULTS: dict[str, dict[str, int]] = {
    "greeting": {"421 busy": 1, "drop": 1},
    "mail": {"421 going down": 1, "451 later": 1, "drop": 1},
    "rcpt": {"450 later": 2, "421 going down": 1, "drop": 1},
    "dot": {
        "451 later": 2,
        "421 going down": 1,
        "drop": 2,
        "take-and-drop": 4,
        "take-and-hang": 1,
        "slow": 3,
    },
}


class Relay(SmtpServer):
    """As the tests' server, with a log, orders to kill, and names to sign in with."""

    def __init__(self, log: Log, seed: str) -> None:
        super().__init__(password="prove", pipelining=True)
        self.log = log
        self.share = 0.0
        self.delay = 0.0
        self.counts: Counter[str] = Counter()
        self.killer = Killer()
        self._chance = random.Random(f"{seed}:smtp")
        self.fault = self._decide

    def let_in(self, session: Session, data: Any) -> AuthResult:
        session.name = data.login.decode()
        return AuthResult(success=data.password == b"prove", handled=False)

    async def dot(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        to, name = envelope.rcpt_tos[0], getattr(session, "name", "-.0.-.0")
        killed = self.killer.reached("before-acceptance", name)
        await asyncio.sleep(self.delay)
        said = self.fault("dot", to)
        if killed:  # whether it was taken before we noticed is a matter of luck
            said = "take-and-drop" if self._chance.random() < 0.5 else "drop"
        if said == "slow":
            await asyncio.sleep(0.15)
            said = None
        if said is None or said.startswith("take-and"):
            head = message_from_bytes(envelope.original_content or b"")
            reference = str(head["Message-ID"]).strip("<>").partition("@")[0].replace(".", ":")
            self.log.taken([{"to": to, "subject": str(head["Subject"]), "reference": reference}])
            self.counts["taken"] += 1
            self.killer.reached("after-acceptance", name)
        if said in ("drop", "take-and-drop"):
            server.transport.abort()
        elif said == "take-and-hang":
            await asyncio.sleep(3)
        elif said:
            return said
        return f"250 2.0.0 Ok: queued as Q{self.counts['taken']:06d}"

    def _decide(self, point: str, address: str) -> str | None:
        if point == "rcpt" and address.startswith("refused"):
            self.counts["refused by name"] += 1
            return "550 no such mailbox"
        # A mail passes four points, so each goes wrong for its part of the share.
        if self._chance.random() >= self.share / 8:
            return None
        kinds = FAULTS[point]
        kind = self._chance.choices(list(kinds), list(kinds.values()))[0]
        self.counts[f"smtp {point}: {kind}"] += 1
        return kind


def main(log: str, seed: str) -> None:
    warnings.simplefilter("ignore")  # it lets names and passwords in unencrypted, and says so at each of them
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)
    with Relay(Log(Path(log)), seed) as relay:

        def faults(asked: dict[str, Any]) -> float:
            relay.share, relay.delay = asked["share"], asked.get("delay", 0.0)
            return relay.share

        listen({"faults": faults, "counts": lambda _: dict(relay.counts)}, relay.port)


if __name__ == "__main__":
    main(*sys.argv[1:])
