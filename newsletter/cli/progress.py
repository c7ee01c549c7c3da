"""Shows progress: bars on a terminal, one line for each Step elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

from newsletter.jobs.pipeline import Progress as Report
from newsletter.jobs.pipeline import silent

console = Console(stderr=True, highlight=False)


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Report]:
    """Give a function to which Steps report progress while the block runs."""
    if quiet:
        yield silent
        return
    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<10}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[what]}"),
    )
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, int] = {}

        def show(step: str, done: int, of: int, what: str) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=of, what="")
            bars.update(tasks[step], completed=done, total=of, what=what[:50])  # type: ignore[arg-type]

        yield show


def _lines() -> Report:
    shown: dict[str, int] = {}

    def show(step: str, done: int, of: int, what: str) -> None:
        quarter = 4 * done // of if of else 4
        if shown.get(step, -1) < quarter:
            shown[step] = quarter
            console.print(f"{step:<10} {done}/{of}")

    return show
