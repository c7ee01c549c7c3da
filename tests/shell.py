"""Commands as a shell runs them, each in a process of its own, forked from one that has imported everything already.

``python -m newsletter issue list`` takes a second and a half of the processor to start and 80 ms to do. What runs here is the command
itself with its own environment, folder, file descriptors, signals and exit code; only Python's start and the imports are shared.
That a command also starts cold is shown by those who start it so: ``test_sigterm``, ``test_no_address_in_logs``, ``test_cli``.
"""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

ROOT = Path(__file__).parents[1]


class Shell:
    """The near side: begins the warm parent at the first command and asks it for forks, one at a time."""

    def __init__(self) -> None:
        self._parent: subprocess.Popen[str] | None = None

    def __call__(
        self, *words: str, cwd: Path = ROOT, env: Mapping[str, str], out: str = "", run: str = "newsletter"
    ) -> CompletedProcess[str]:
        """Run a command to its end. ``out`` is a file for its standard output; ``run`` a module, or a script's path."""
        with tempfile.TemporaryDirectory(prefix="newsletter-said-") as folder:
            said = {"out": out or f"{folder}/out", "err": f"{folder}/err"}
            code = self._ask({"run": run, "words": words, "cwd": str(cwd), "env": dict(env), **said})
            heard = "" if out else Path(said["out"]).read_text()
            return CompletedProcess([run, *words], code, heard, Path(said["err"]).read_text())

    def _ask(self, orders: dict[str, Any]) -> int:
        parent = self._parent = self._parent or self._begin()
        assert parent.stdin is not None
        assert parent.stdout is not None
        try:
            parent.stdin.write(json.dumps(orders) + "\n")
            parent.stdin.flush()
            return int(parent.stdout.readline())
        except BaseException:  # of a timeout, too: what hangs must not answer the next one who asks
            self.close()
            raise

    def _begin(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.shell"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},  # threads do not survive a fork
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip

    def close(self) -> None:
        if self._parent is not None:
            os.killpg(self._parent.pid, signal.SIGKILL)
            self._parent.communicate()
            self._parent = None


def _serve() -> dict[str, Any] | None:
    """The far side: answers each order with the exit code of a fork; returns the order in that fork, None at the end."""
    from newsletter.cli.main import COMMANDS

    for place in sorted({place.partition(":")[0] for place in COMMANDS.values()}):
        import_module(f"newsletter.{place}")
    late = ("mjml", "newsletter.delivery.providers.sendgrid.send")
    for name in ("newsletter.app", "newsletter.jobs.schedule", "newsletter.jobs.worker", *late):
        import_module(name)
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()
    while line := sys.stdin.readline():
        pid = os.fork()
        if pid == 0:
            return dict(json.loads(line))
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
    return None


def _become(orders: dict[str, Any]) -> None:
    os.chdir(orders["cwd"])
    os.environ.clear()
    os.environ.update(orders["env"])
    for number, path in ((0, os.devnull), (1, orders["out"]), (2, orders["err"])):
        file = os.open(path, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8", closefd=False)
    sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", closefd=False, buffering=1, errors="backslashreplace")
    sys.argv = [orders["run"], *orders["words"]]
    sys.path[1:1] = [p for p in orders["env"].get("PYTHONPATH", "").split(os.pathsep) if p]
    if orders["run"].endswith(".py"):
        runpy.run_path(orders["run"], run_name="__main__")
    else:
        runpy.run_module(orders["run"], run_name="__main__", alter_sys=True)


if __name__ == "__main__" and (_orders := _serve()):
    _become(_orders)
