"""A database copied back: it takes for unsent what was sent, so nothing may leave it until an operator confirms."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from newsletter.db import backup
from tests.prove.deployment import Deployment
from tests.prove.morning import LEASE_AND_MORE, Morning
from tests.prove.postgres import Postgres


def sqlite_file(deployment: Deployment) -> tuple[Callable[[], None], Callable[[], None]]:
    """Save the file, and copy it back over the newer one, as ``cp`` does."""
    path = deployment.folder / "n.db"
    kept = deployment.folder / "kept.db"

    def save() -> None:
        backup.backup(deployment.url, kept)

    def put_back() -> None:
        deployment.sessions.kw["bind"].dispose()
        for leftover in (path.with_name("n.db-wal"), path.with_name("n.db-shm")):
            leftover.unlink(missing_ok=True)
        shutil.copyfile(kept, path)

    return save, put_back


def sqlite_command(deployment: Deployment) -> tuple[Callable[[], None], Callable[[], None]]:
    """``db backup`` and ``db restore``."""
    file = str(deployment.folder / "backup")

    def act(*words: str) -> Callable[[], None]:
        def acted() -> None:
            deployment.sessions.kw["bind"].dispose()
            code, _ = deployment.do(*words)
            assert code == 0, f"{words} ended with {code}"

        return acted

    return act("db", "backup", file), act("db", "restore", "--yes", file)


def whole_server(
    deployment: Deployment, server: Postgres, to: Path
) -> tuple[Callable[[], None], Callable[[], None]]:
    """The folder of a PostgreSQL, copied and put back."""

    def act(how: Callable[[Path], None]) -> Callable[[], None]:
        def acted() -> None:
            deployment.sessions.kw["bind"].dispose()
            how(to)

        return acted

    return act(server.copy), act(server.put_back)


def copied_back(morning: Morning, save: Callable[[], None], put_back: Callable[[], None], what: str) -> None:
    """Half of an Issue goes, a copy is taken, the rest goes, the copy is put back: nobody is mailed from it."""
    deployment, tally = morning.deployment, morning.tally
    deployment.faults(0.0)
    morning.approve()
    deployment.fork("step", "dispatch", provider=morning.provider, die_at="recorded", nth=3).wait()
    save()
    deployment.later(LEASE_AND_MORE)
    morning.finish()
    before = len(deployment.taken())
    put_back()
    for _ in range(2):
        code, _ = deployment.do("step", "dispatch", provider=morning.provider)
        tally.expect(code == 7, f"{what}: dispatch from the copy ended with {code}")
    tally.expect(
        deployment.do("db", "confirm", "--without-leavers")[0] == 0, f"{what}: could not be confirmed"
    )
    tally.expect(deployment.state(morning.day) == "held", f"{what}: the issue is not held after confirming")
    deployment.fork("step", "dispatch", provider=morning.provider).wait()
    tally.expect(len(deployment.taken()) == before, f"{what}: mail left the copy")
    tally.done[f"copied back: {what}"] += 1
