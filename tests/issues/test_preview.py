"""The Preview: every file, every picture, and a plain sentence where there is no browser."""

from __future__ import annotations

import email
from email import policy
from pathlib import Path

import pytest
from click.testing import CliRunner

from newsletter.issues import preview
from newsletter.issues.preview import write_preview
from newsletter.issues.render.render import rendition
from newsletter.issues.renditions import KINDS, RenderedIssue
from newsletter.links import Links
from newsletter.settings import Settings
from tests.issues.issue_values import MORNING, issue

LINKS = Links("https://evenhand.example")
SETTINGS = Settings(_env_file=None, SITE_URL=LINKS.site_url)


@pytest.fixture(scope="module")
def made() -> list[RenderedIssue]:
    return [rendition(issue(), kind, settings=SETTINGS, links=LINKS) for kind in KINDS]


def test_every_file_is_written_with_its_slots_filled(tmp_path: Path, made: list[RenderedIssue]) -> None:
    done = write_preview(
        issue(), made, tmp_path / "new", settings=SETTINGS, links=LINKS, now=MORNING, pictures=False
    )
    assert sorted(f.name for f in done.files) == [
        "full.eml", "full.html", "full.txt", "metered.eml", "metered.html", "metered.txt",
    ]  # fmt: skip
    for file in done.files:
        assert b"%%" not in file.read_bytes().replace(b"=\r\n", b"")
    mail = email.message_from_bytes((tmp_path / "new" / "full.eml").read_bytes(), policy=policy.default)
    assert mail["Subject"] == made[0].subject
    html = mail.get_body(("html",)).get_content()
    assert html.replace("\r\n", "\n").strip() == (tmp_path / "new" / "full.html").read_text().strip()
    assert mail["List-Unsubscribe"] == "<https://evenhand.example/unsubscribe/example>"


def test_without_a_browser_the_rest_is_written_and_said(
    tmp_path: Path, made: list[RenderedIssue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview.shutil, "which", lambda name: None)
    done = write_preview(issue(), made, tmp_path, settings=SETTINGS, links=LINKS, now=MORNING)
    assert len(done.files) == 6
    assert done.note == "No Chromium was found, so no pictures were taken; everything else is written."


def test_a_browser_that_does_not_start_costs_only_the_pictures(
    tmp_path: Path, made: list[RenderedIssue], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview.shutil, "which", lambda name: "/bin/false")
    done = write_preview(issue(), made, tmp_path, settings=SETTINGS, links=LINKS, now=MORNING)
    assert len(done.files) == 6
    assert "everything else is written" in done.note


@pytest.mark.browser
def test_pictures_are_taken_wide_narrow_light_and_dark(tmp_path: Path, made: list[RenderedIssue]) -> None:
    files, note = preview.take_pictures([("full", made[0].html)], tmp_path)
    assert note == ""
    assert {f.name for f in files} == {"full.png", "full-375.png", "full-dark.png", "full-forced-dark.png"}
    for file in files:
        data = file.read_bytes()
        assert data.startswith(b"\x89PNG")
        width = int.from_bytes(data[16:20])
        assert width == (375 if "375" in file.name else 600)


@pytest.mark.browser
@pytest.mark.parametrize("width", [320, 375, 600])
def test_nothing_is_wider_than_the_window(chromium, made: list[RenderedIssue], width: int) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 800})
    for one in made:
        page.set_content(one.html)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.close()


def test_the_command_says_when_there_is_no_issue(
    sessions, settings: Settings, monkeypatch, tmp_path: Path
) -> None:
    from newsletter.cli.preview import preview as command

    monkeypatch.setattr("newsletter.cli.opening.open_settings", lambda **_: settings)
    done = CliRunner().invoke(command, ["--out", str(tmp_path / "p")])
    assert done.exit_code != 0
    assert "There is no issue yet" in str(done.exception)
    assert not (tmp_path / "p").exists()
