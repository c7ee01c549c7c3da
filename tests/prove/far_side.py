"""Parts that both providers' servers share: orders to kill a client, the log of accepted mail, and commands on standard input.

A far side is a process of its own. It is never killed, and its log is the only witness the judge hears.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Log:
    """One line of JSON for each mail that was taken: written whole, before anybody is answered."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def taken(self, rows: list[dict[str, Any]]) -> None:
        now = time.time()
        raw = "".join(json.dumps({"at": now, **row}) + "\n" for row in rows).encode()
        assert os.write(self._file, raw) == len(raw)


class Killer:
    """Kills a client at a point it has ordered itself: its name ends in ``PID.POINT.NTH``, as in "SG.prove.4711.after-acceptance.2"."""

    def __init__(self) -> None:
        self._passed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def reached(self, point: str, name: str) -> bool:
        """Whether the client was killed just now."""
        *_, pid, at, nth = name.rsplit(".", 3)
        if at != point:
            return False
        with self._lock:
            self._passed[name] += 1
            if self._passed[name] != int(nth):
                return False
        try:
            os.kill(int(pid), signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


def listen(answers: dict[str, Callable[[dict[str, Any]], Any]], port: int) -> None:
    """Say which port we are on, then do what each line on standard input asks, until it ends."""
    print(json.dumps({"port": port}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(answers[asked["do"]](asked)), flush=True)
