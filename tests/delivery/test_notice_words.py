"""What a Notice says is true of whoever gets it: of those without a Trial, where one story is free or none, at any hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.delivery.mail.templates import notice
from newsletter.issues.render.render import rendition
from newsletter.jobs.lapse import REMINDED_AFTER
from tests.issues.issue_values import issue
from tests.issues.test_render import LINKS, SETTINGS


def both(kind: str, values: dict[str, object] | None = None, **settings: object) -> tuple[str, str]:
    """The page and its plain twin, each on one line."""
    told = notice(kind, values or {}, settings=SETTINGS.model_copy(update=settings), links=LINKS)
    return " ".join(told.html.split()), " ".join(told.text.split())


@pytest.mark.parametrize("days", [0, 1, 7])
def test_who_has_no_trial_is_promised_none(days: int) -> None:
    for said in both("welcome", {"trial": False}, TRIAL_DAYS=days):
        assert "you can read everything" not in said
        assert "The full edition is $5 a month" in said
    first = {
        0: "",
        1: "For the first day you can read everything",
        7: "For the first 7 days you can read everything",
    }
    for said in both("welcome", {"trial": True}, TRIAL_DAYS=days):
        assert first[days] in said
        assert ("you can read everything" in said) == (days > 0)


@pytest.mark.parametrize(
    ("free", "pages"),
    [
        (0, ""),
        (1, ", and 1 full story a month on the site"),
        (5, ", and 5 full stories a month on the site"),
    ],
)
def test_free_stories_are_counted_as_they_are(free: int, pages: str) -> None:
    for kind, values in (
        ("welcome", {"trial": True}),
        ("welcome", {"trial": False}),
        ("trial_ending", {"days_left": 2}),
        ("trial_ending", {"days_left": 0}),
    ):
        for said in both(kind, values, FREE_STORIES=free):
            assert f"every headline with what happened{pages}." in said
            assert ("on the site" in said) == bool(free)


@pytest.mark.parametrize(
    ("free", "words"),
    [(0, ""), (1, "toward your one free story this month."), (5, "your 5 free stories this month.")],
)
def test_the_short_edition_counts_them_too(free: int, words: str) -> None:
    settings = SETTINGS.model_copy(update={"FREE_STORIES": free})
    made = rendition(issue(1), "metered", settings=settings, links=LINKS)
    for said in (made.html, " ".join(made.text.split())):
        assert words in said
        assert ("count toward" in said) == bool(free)


def test_a_confirmation_promises_no_morning_to_who_chose_an_evening() -> None:
    for said in both("confirm"):
        assert "morning" not in said.replace("morning@", "")
        assert "every day at your hour" in said


def test_who_left_and_stopped_paying_is_told_where_the_full_edition_still_is() -> None:
    for said in both("cancelled", {"until": "Monday, 2 March 2026"}):
        assert "You can read everything on the site until Monday, 2 March 2026." in said


def test_a_first_confirmation_tells_of_the_reminder_that_comes_and_the_reminder_of_none() -> None:
    assert timedelta(days=2) == REMINDED_AFTER
    for said in both("confirm"):
        assert "unless you confirm, we’ll remind you once, in two days, and not again." in said
    for said in both("confirm", {"again": True}):
        assert "unless you confirm, we won’t write again." in said


def test_a_welcome_names_where_issues_come_from_when_it_comes_from_elsewhere() -> None:
    for said in both("welcome"):
        assert "Add our address to your contacts" in said
    senders = {"MAIL_FROM": "Evenhand <morning@example.com>", "NOTICE_FROM": "Evenhand <hello@example.com>"}
    for said in both("welcome", None, **senders):
        assert "Issues come from morning@example.com: add that address to your contacts" in said
        assert "hello@example.com" not in said
