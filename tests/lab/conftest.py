"""``python -m newsletter bench …`` as a person runs it, without the machine's own settings."""

from __future__ import annotations

import os
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest

from tests.shell import Shell

Bench = Callable[..., CompletedProcess[str]]


@pytest.fixture
def bench(shell: Shell) -> Bench:
    clean = {n: v for n, v in os.environ.items() if not n.startswith(("MAIL_", "SENDGRID_", "SMTP_"))}
    return lambda *words: shell("bench", *words, env=clean)
