"""Where the log goes. What it must not say is in tests/security/test_secrets_in_logs.py."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from io import StringIO

import pytest

from newsletter import log
from tests.shell import ROOT


@pytest.mark.parametrize("as_json", [True, False])
def test_a_line_goes_to_what_is_standard_error_by_then(
    as_json: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever replaced standard error for a while may have closed theirs."""
    first, then = StringIO(), StringIO()
    monkeypatch.setattr("sys.stderr", first)
    log.configure(json=as_json)
    first.close()
    monkeypatch.setattr("sys.stderr", then)
    log.get("web").warning("x.happened")
    logging.getLogger("stranger").warning("x.strange")
    assert "x.happened" in then.getvalue()
    assert "x.strange" in then.getvalue()


@pytest.mark.parametrize(
    ("env", "coloured"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_gets_colours_unless_it_says_no(env: dict[str, str], coloured: bool) -> None:
    near, far = os.openpty()
    code = "from newsletter import log; log.configure(); log.get('web').warning('x.happened', a=1)"
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), **env}
    subprocess.run([sys.executable, "-c", code], env=env, stderr=far, check=True)
    os.close(far)
    said = os.read(near, 10_000).decode()
    os.close(near)
    assert "x.happened" in said
    assert ("\x1b[" in said) == coloured
