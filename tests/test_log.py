"""Where the log goes. What it must not say is in tests/security/test_secrets_in_logs.py."""

from __future__ import annotations

import logging
from io import StringIO

import pytest

from newsletter import log


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
