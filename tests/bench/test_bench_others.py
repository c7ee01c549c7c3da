"""bench gather, web and the relay: what they count, and that they say it as JSON. Times are not judged here."""

from __future__ import annotations

import json
import os
import shutil

import pytest
from test_bench_dispatch import bench

NO_POSTFIX = not shutil.which("smtp-sink", path=f"{os.environ['PATH']}:/usr/sbin")


def test_every_feed_is_read_and_kept() -> None:
    done = bench("gather", "--feeds", "70", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["values"]["reached"], found["values"]["new_articles"]) == (70, 1400)
    assert found["ratios"]["gather_to_bare_fetch"] > 0


def test_the_site_answers_every_request() -> None:
    done = bench("web", "--rate", "30", "--seconds", "1", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["values"]["requests"], found["values"]["not_200"]) == (30, 0)
    assert 0 < found["values"]["p50_ms"] <= found["values"]["p99_ms"]


@pytest.mark.skipif(NO_POSTFIX, reason="Postfix is not installed")
def test_a_relay_gets_every_copy() -> None:
    done = bench("dispatch", "--provider", "smtp", "--recipients", "150", "--json")
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)["values"]
    assert (values["accepted"], values["arrived"], values["state"]) == (150, 150, "dispatched")


def test_without_postfix_it_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr("newsletter.bench.relay.shutil.which", lambda *_, **__: None)
    from newsletter.bench.measuring import silent
    from newsletter.bench.relay import bench_relay
    from newsletter.errors import SettingsError

    with pytest.raises(SettingsError, match="apt-get install --no-install-recommends postfix"):
        bench_relay(readers=1, database="sqlite", progress=silent)
