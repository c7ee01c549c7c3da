"""Google's Lighthouse on the site's public pages, in Debian's Chromium: prints each category's median beside its goal.

    .venv/bin/python -m newsletter run --once && .venv/bin/python -m newsletter web &
    .venv/bin/python tests/lab/lighthouse.py http://127.0.0.1:8000 / /issues

Needs node and npm; npm fetches Lighthouse. It slows the processor down by a factor of its own, so a busy machine lowers
``performance``: ``benchmarkIndex`` says how fast the machine looked to it. A sample edition asks not to be indexed, which
Lighthouse counts against ``seo`` on an Issue's and a Story's page.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from statistics import median
from typing import Any

LIGHTHOUSE = "lighthouse@12.8.2"
GOALS = {"performance": 95, "accessibility": 100, "best-practices": 95, "seo": 95}
TIMES = 3


def look(url: str) -> dict[str, Any]:
    """One run's report."""
    chromium = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") or ""
    )
    command = [
        "npx",
        "--yes",
        LIGHTHOUSE,
        url,
        "--quiet",
        "--output=json",
        "--chrome-flags=--headless=new --no-sandbox --disable-gpu",
    ]
    done = subprocess.run(
        command, env={**os.environ, "CHROME_PATH": chromium}, capture_output=True, text=True, timeout=180
    )
    if done.returncode:
        sys.exit(f"Lighthouse did not run: {done.stderr[-400:]}")
    return dict(json.loads(done.stdout))


def main(site: str, paths: list[str]) -> int:
    missed = 0
    for path in paths:
        reports = [look(site + path) for _ in range(TIMES)]
        index = median(r["environment"]["benchmarkIndex"] for r in reports)
        said = []
        for category, goal in GOALS.items():
            score = round(100 * median(r["categories"][category]["score"] for r in reports))
            missed += score < goal
            said.append(f"{category} {score} (goal {goal}){'' if score >= goal else ' MISSED'}")
        print(f"{path}: {', '.join(said)}; benchmarkIndex {index:.0f}, median of {TIMES}", flush=True)
        faults = {
            f"{a['id']} {a['score']}"
            for a in reports[-1]["audits"].values()
            if a.get("score") is not None and a["score"] < 0.9 and a["scoreDisplayMode"] == "binary"
        }
        if faults:
            print(f"  below the mark: {', '.join(sorted(faults))}")
    return 1 if missed else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    raise SystemExit(main(sys.argv[1].rstrip("/"), sys.argv[2:]))
