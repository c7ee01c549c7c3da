"""bench gather, web and the relay: what they count, and that they say it as JSON. Times are not judged here."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from newsletter.errors import SettingsError
from newsletter.lab.bench.measuring import Measured, silent
from newsletter.lab.bench.table import Part, as_words, measure, parts
from tests.shell import ROOT

NO_POSTFIX = not shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.mark.slow
def test_every_feed_is_read_and_kept(bench) -> None:
    done = bench("gather", "--feeds", "70", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["values"]["reached"], found["values"]["new_articles"]) == (70, 1400)
    assert found["ratios"]["gather_to_bare_fetch"] > 0


@pytest.mark.slow
def test_the_site_answers_every_request(bench) -> None:
    done = bench("web", "--rate", "40", "--seconds", "1", "--workers", "1", "--recipients", "300", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["values"]["requests"], found["values"]["not_200"]) == (40, 0)
    assert found["values"]["mailed_meanwhile"] == 300
    assert found["values"]["account_p99_ms"] > 0
    assert 0 < found["values"]["p50_ms"] <= found["values"]["p99_ms"]


@pytest.mark.skipif(NO_POSTFIX, reason="Postfix is not installed")
def test_a_relay_gets_every_copy(bench) -> None:
    done = bench("dispatch", "--provider", "smtp", "--recipients", "150", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["values"]
    assert (values["accepted"], values["arrived"], values["state"]) == (150, 150, "dispatched")


def test_without_postfix_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr("newsletter.lab.bench.relay.shutil.which", lambda *_, **__: None)
    from newsletter.errors import SettingsError
    from newsletter.lab.bench.measuring import silent
    from newsletter.lab.bench.relay import bench_relay

    with pytest.raises(SettingsError, match="apt-get install --no-install-recommends postfix"):
        bench_relay(readers=1, database="sqlite", progress=silent)


@pytest.mark.slow
def test_the_outbox_holds_every_copy(bench) -> None:
    done = bench("dispatch", "--provider", "outbox", "--recipients", "60", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["values"]
    assert (values["accepted"], values["arrived"], values["state"]) == (60, 60, "dispatched")


@pytest.mark.slow
def test_a_part_of_the_table_is_measured_at_three_sizes(bench) -> None:
    done = bench("table", "--scale", "50", "--only", "summarize", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)
    assert line["sizes"] == [1, 2, 20]
    assert len(line["growth"]) == 2
    assert line["seconds"][-1] > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "scale", "sizes"),
    [
        ("group", 100, [13, 130, 1_000]),
        ("render: fill the links in", 50, [20, 200, 2_000]),
        ("freeze, sqlite", 100, [10, 100, 1_000]),
    ],
)
def test_each_part_of_the_table_reads_off_what_its_bench_measured(
    name: str, scale: int, sizes: list[int]
) -> None:
    (part,) = [p for p in parts(scale) if p.name == name]
    assert part.sizes == sizes
    (line,) = measure([replace(part, sizes=sizes[-1:])], silent)
    assert (line.sizes, line.why_not) == (sizes[-1:], "")
    assert line.seconds[0] > 0
    assert line.ratio > 0


def test_a_part_that_cannot_be_measured_says_why_and_the_others_are_measured() -> None:
    def without(_: int) -> Measured:
        raise SettingsError("smtp-sink is missing")

    def ten_times(size: int) -> Measured:
        return Measured("x", values={"seconds": size / 100}, ratios={"to": 3.0})

    rest = (lambda m: m.values["seconds"], "a yardstick", lambda m: m.ratios["to"])
    lines = measure(
        [
            Part("relay", "mails", [1, 10], without, *rest),
            Part("post", "mails", [1, 10, 100], ten_times, *rest),
        ],
        silent,
    )
    assert lines[1].growth == [10.0, 10.0]
    said = as_words(lines)
    assert "relay: smtp-sink is missing" in said
    assert "100 mails" in said
    assert "10, 10" in said


@pytest.mark.slow
def test_no_part_is_divided_below_what_can_be_measured(bench) -> None:
    done = bench("table", "--scale", "1000", "--only", "group", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)
    assert line["sizes"] == [10, 13, 100]


def test_a_part_that_is_none_is_refused(bench) -> None:
    done = bench("table", "--only", "nothing of the kind")
    assert done.returncode == 2
    assert "no part of the table" in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/1/stat"), reason="needs Linux's /proc")
@pytest.mark.parametrize(
    ("words", "after"),
    [("dispatch --recipients 100000", 0.8), ("gather --feeds 5000", 0.1), ("group", 0.3)],
)
def test_control_c_is_answered_by_the_bench_alone(tmp_path: Path, words: str, after: float) -> None:
    """A terminal sends it to every process there is, and each would show where it was."""
    command = [sys.executable, "-m", "newsletter", "bench", *words.split()]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command,
        cwd=tmp_path,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as going:
        while going.poll() is None and not _python_answers(going.pid):
            time.sleep(0.01)
        time.sleep(after)  # it begins to import, is in the middle of that, or works
        os.killpg(going.pid, signal.SIGINT)
        _, said = going.communicate(timeout=60)
    assert (going.returncode, said.strip().splitlines()[-1]) == (130, "Stopped.")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def _python_answers(group: int) -> bool:
    """Whether a child of this group has come so far that Python would answer Ctrl-C there."""
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            of = (place / "stat").read_text().rpartition(")")[2].split()[2]
            if int(of) == group and "spawn_main" in (place / "cmdline").read_text():
                caught = re.search(r"SigCgt:\s*(\w+)", (place / "status").read_text())
                if caught and int(caught[1], 16) & 1 << signal.SIGINT - 1:
                    return True
    return False
