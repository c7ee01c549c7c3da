"""A database copied back: it takes for unsent what was sent, so nothing may leave it until an operator confirms."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from newsletter.db import backup
from tests.prove.house import House
from tests.prove.morning import LEASE_AND_MORE, Morning
from tests.prove.postgres import Postgres


def sqlite_file(house: House) -> tuple[Callable[[], None], Callable[[], None]]:
    """Save the file, and copy it back over the newer one, as ``cp`` does."""
    path = house.folder / "n.db"
    kept = house.folder / "kept.db"

    def save() -> None:
        backup.backup(house.url, kept)

    def put_back() -> None:
        house.sessions.kw["bind"].dispose()
        for leftover in (path.with_name("n.db-wal"), path.with_name("n.db-shm")):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(kept, path)

    return save, put_back


def sqlite_command(house: House) -> tuple[Callable[[], None], Callable[[], None]]:
    """``db backup`` and ``db restore``."""
    file = str(house.folder / "backup")

    def act(*words: str) -> Callable[[], None]:
        def acted() -> None:
            house.sessions.kw["bind"].dispose()
            code, _ = house.do(*words)
            assert code == 0, f"{words} ended with {code}"

        return acted

    return act("db", "backup", file), act("db", "restore", "--yes", file)


def whole_server(house: House, server: Postgres, to: Path) -> tuple[Callable[[], None], Callable[[], None]]:
    """The folder of a PostgreSQL, copied and put back."""

    def act(how: Callable[[Path], None]) -> Callable[[], None]:
        def acted() -> None:
            house.sessions.kw["bind"].dispose()
            how(to)

        return acted

    return act(server.copy), act(server.put_back)


def copied_back(morning: Morning, save: Callable[[], None], put_back: Callable[[], None], what: str) -> None:
    """Half of an Issue goes, a copy is taken, the rest goes, the copy is put back: nobody is mailed from it."""
    house, tally = morning.house, morning.tally
    house.faults(0.0)
    morning.approve()
    house.fork("step", "dispatch", provider=morning.provider, die_at="recorded", nth=3).wait()
    save()
    house.later(LEASE_AND_MORE)
    morning.finish()
    before = len(house.taken())
    put_back()
    for _ in range(2):
        code, _ = house.do("step", "dispatch", provider=morning.provider)
        tally.expect(code == 7, f"{what}: dispatch from the copy ended with {code}")
    tally.expect(house.do("db", "confirm", "--without-leavers")[0] == 0, f"{what}: could not be confirmed")
    tally.expect(house.state(morning.day) == "held", f"{what}: the issue is not held after confirming")
    house.fork("step", "dispatch", provider=morning.provider).wait()
    tally.expect(len(house.taken()) == before, f"{what}: mail left the copy")
    tally.done[f"copied back: {what}"] += 1
