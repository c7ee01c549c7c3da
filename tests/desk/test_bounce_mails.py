"""Bounce mails that could not be booked are shown to operators, with the reason and the file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from newsletter.db import Sessions
from newsletter.jobs import pipeline
from tests.conftest import MORNING
from tests.desk.test_desk_browser import _faults as faults

SILENT = "Return-Path: <>\nFrom: MAILER-DAEMON@old.example.net\nSubject: failure notice\n\nann@example.com: 550 gone\n"
WORDLESS = "Return-Path: <>\nFrom: MAILER-DAEMON@old.example.net\nSubject: Hm\n\n\n"
LETTER = "From: Ann <ann@example.com>\nSubject: Thank you\n\nI like it.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Maildir" / "new").mkdir(parents=True)
    return tmp_path / "Maildir"


def _settle(desk: Any, folder: Path) -> None:
    settings = desk.service.settings.model_copy(update={"BOUNCE_MAILDIR": folder})
    service = replace(desk.service, settings=settings)
    pipeline.run_step(pipeline.Parts(service), "settle", due_at=MORNING)


def test_the_desk_counts_what_was_not_booked_and_says_why_and_opens_it(
    make_desk: Callable[..., Any], folder: Path
) -> None:
    desk = make_desk(BOUNCE_MAILDIR=folder).sign_in()
    for name, mail in {"1.mx": SILENT, "2.mx": SILENT, "3.mx": WORDLESS, "4.mx": LETTER}.items():
        (folder / "new" / name).write_text(mail)
    assert "None." in desk.page("bounces")
    _settle(desk, folder)
    page = desk.page("bounces")
    assert "<b>2</b>: it returns no unsubscribe link of ours" in page
    assert "<b>1</b>: it does not say what happened" in page
    assert f"{folder}/cur" in page
    assert "ann@example.com" not in page
    assert "3 bounce mails not booked since yesterday" in desk.page()
    file = desk.get("bounces/1.mx:2,S")
    assert 'href="/desk/bounces/1.mx%3A2%2CS"' in page
    assert file.get_data(as_text=True) == SILENT
    assert file.headers["Content-Disposition"].startswith("attachment")
    for name in ("4.mx", "..%2fnew%2f4.mx", "none"):
        assert desk.get(f"bounces/{name}").status_code == 404


def test_without_a_mailbox_there_is_no_page(desk: Any) -> None:
    assert "/desk/bounces" not in desk.page()
    assert desk.get("bounces").status_code == 404


def test_a_mailbox_that_cannot_be_read_says_so(make_desk: Callable[..., Any], tmp_path: Path) -> None:
    desk = make_desk(BOUNCE_MAILDIR=tmp_path / "none").sign_in()
    answer = desk.get("bounces")
    assert answer.status_code == 404
    assert "is no Maildir" in answer.get_data(as_text=True)


def test_nobody_sees_them_without_signing_in(
    make_desk: Callable[..., Any], folder: Path, sessions: Sessions
) -> None:
    (folder / "cur").mkdir()
    (folder / "cur" / "1.mx:2,S").write_text(SILENT)
    stranger = make_desk(BOUNCE_MAILDIR=folder)
    for path in ("bounces", "bounces/1.mx:2,S"):
        assert stranger.get(path).status_code == 303


@pytest.fixture
def site(make_site: Callable[..., Flask], folder: Path) -> Flask:
    return make_site(BOUNCE_MAILDIR=folder)


@pytest.mark.browser
def test_the_page_shuts_nobody_out(page: Any, served: str, folder: Path) -> None:
    (folder / "cur").mkdir()
    for n in range(3):
        name = f"1772{n}.M71P1Q{n}.a-mail-server-with-a-long-name.example.net,S=4711:2,S"
        (folder / "cur" / name).write_text(SILENT)
    page.goto(f"{served}/desk/bounces")
    assert not faults(page, "bounces")
