"""``python -m tests.prove``: the proof that nobody gets an Issue twice and nobody is silently missed. See README.md."""

from __future__ import annotations

import json
import logging
import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections import Counter
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option(
    "--kills",
    type=click.IntRange(1),
    default=1000,
    show_default=True,
    help="On each database: so many that hit a batch.",
)
@click.option("--seed", type=int, default=20261125, show_default=True)
@click.option(
    "--database", type=click.Choice(["sqlite", "postgresql", "both"]), default="both", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
@click.option("--keep", is_flag=True, help="Keep databases and logs, and say where.")
def prove(kills: int, seed: int, database: str, as_json: bool, keep: bool) -> None:
    """Kill dispatches until so many died with a batch in their hands, and judge by the provider's own log."""
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from newsletter import log
    from tests.prove.lanes import Lane

    log.configure(level=logging.ERROR)
    folder = Path(tempfile.mkdtemp(prefix="prove-"))
    folder.chmod(0o755)
    kinds = ("sqlite", "postgresql") if database == "both" else (database,)
    lanes = [
        Lane(kind, kills, seed, folder / kind, lambda line: click.echo(line, err=True)) for kind in kinds
    ]
    broken: list[str] = []

    def run(lane: Any) -> None:
        try:
            lane.run()
        except BaseException:
            broken.append(lane.database)
            click.echo(f"{lane.database} broke off: {traceback.format_exc()}", err=True)

    threads = [threading.Thread(target=run, args=(lane,), daemon=True) for lane in lanes]
    for thread in threads:
        thread.start()
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        for lane in lanes:
            lane.abandon()
        click.echo(f"Interrupted; what there is lies in {folder}", err=True)
        os._exit(130)
    click.echo(
        json.dumps([as_data(lane) for lane in lanes], indent=1) if as_json else "\n".join(map(table, lanes))
    )
    sound = not broken and all(lane.is_sound for lane in lanes)
    if keep or not sound:
        click.echo(f"Databases and logs are kept in {folder}", err=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    sys.exit(0 if sound else 1)


def as_data(lane: Any) -> dict[str, Any]:
    """All that was counted."""
    t = lane.tally
    return {
        "database": lane.database,
        "seed": lane.seed,
        "seconds": round(lane.seconds),
        "sound": lane.is_sound,
        "kills": t.kills,
        "kills_that_hit_a_batch": t.hits,
        "killed_at": dict(t.killed_at.most_common()),
        "hit_at": dict(t.hit_at.most_common()),
        "done": dict(t.done.most_common()),
        "outcome": dict(t.outcome.most_common()),
        "far_sides": dict(lane.far_sides.most_common()),
        "mutants": lane.caught,
        "faults": t.faults,
    }


def table(lane: Any) -> str:
    """The same for people."""
    t, out = lane.tally, lane.tally.outcome
    states = ("accepted", "failed", "uncertain", "withdrawn", "left out")
    lines = [
        "",
        f"=== {lane.database}, seed {lane.seed}, {lane.seconds:.0f} s: {'SOUND' if lane.is_sound else 'NOT SOUND'} ===",
        f"kills                         {t.kills}",
        f"kills that hit a batch        {t.hits}",
        f"issues / readers judged       {t.done['issues']} / {out['audience']}",
        f"copies the providers took     {out['copies taken']}",
        "of the audience               " + ", ".join(f"{out[f'state {s}']} {s}" for s in states),
        f"uncertain ones that arrived   {out['uncertain and arrived']} (every uncertain one was listed)",
        f"duplicates                    {out['duplicate']}",
        f"lost                          {sum(n for k, n in out.items() if k.startswith('lost'))}",
        f"unaccounted                   {out['unaccounted'] + out['accounted twice']}",
        f"hidden uncertain ones         {sum(n for k, n in out.items() if k.startswith('hidden'))}",
        f"faults of any kind            {len(t.faults)}",
        "",
        "killed at (hits of kills):    " + _hits(t.hit_at, t.killed_at),
        "also done:                    " + _list(t.done),
        "the far sides did:            " + _list(lane.far_sides),
        "mutants:",
        *(f"  {name:<20} {said or 'NOT CAUGHT'}" for name, said in lane.caught.items()),
        *(["faults:"] if t.faults else []),
        *(f"  {fault}" for fault in t.faults[:40]),
    ]
    return "\n".join(lines)


def _hits(hits: Counter[str], kills: Counter[str]) -> str:
    return ", ".join(f"{place} {hits[place]}/{n}" for place, n in kills.most_common())


def _list(counts: Counter[str]) -> str:
    return ", ".join(f"{what} {n}" for what, n in sorted(counts.items()) if n)


if __name__ == "__main__":
    prove()
