"""bench dispatch --provider outbox: writes N copies as files. Yardstick: the same bytes written without a dispatch."""

from __future__ import annotations

import tempfile
from pathlib import Path

from newsletter.lab.bench.databases import bench_database
from newsletter.lab.bench.dispatch import freeze, hand_over, judge, prepare, settings_for
from newsletter.lab.bench.measuring import Measured, Progress, timed

READERS = 10_000


def bench_outbox(*, readers: int, database: str, progress: Progress) -> Measured:
    """Freeze, then submit to the Outbox. The files in its folder are counted as arrived."""
    found = Measured("dispatch")
    with (
        tempfile.TemporaryDirectory(prefix="newsletter-bench-") as name,
        bench_database(database, Path(name)) as engine,
    ):
        folder = Path(name)
        values = settings_for(engine.url.render_as_string(hide_password=False), folder)
        values |= {"MAIL_PROVIDER": "outbox", "OUTBOX_DIR": folder / "outbox"}
        issue_id = prepare(values, readers, found, progress=progress)
        found.values |= {"database": engine.dialect.name, "provider": "outbox"}
        freeze(values, found, progress=progress)
        hand_over(values, found, workers=1, progress=progress)
        files = list((folder / "outbox").glob("*.eml"))
        judge(values, issue_id, found, len(files), None)
        progress("yardsticks", 0, 1, "files")
        _write_bare(files[0].read_bytes() if files else b"", folder / "bare", readers, found)
        progress("yardsticks", 1, 1, "done")
    return found


def _write_bare(raw: bytes, folder: Path, times: int, found: Measured) -> None:
    folder.mkdir()
    with timed() as watch:
        for number in range(times):
            (folder / f"{number}.eml").write_bytes(raw)
    found.yardsticks |= {"bare_write_seconds": round(watch.seconds, 2), "message_bytes": len(raw)}
    found.ratios["hand_over_to_bare_write"] = round(
        found.values["hand_over_seconds"] / max(0.001, watch.seconds), 2
    )
