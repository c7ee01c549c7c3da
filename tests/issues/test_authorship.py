"""What a model wrote is said to readers and to machines, in mail, pages and feed; what an outlet wrote is said too."""

from __future__ import annotations

from dataclasses import replace

import pytest
from issue_values import issue, story

from newsletter.delivery.mail import headers
from newsletter.issues.render.authorship import AT_THE_TOP, by_model, disclosure, written_line
from newsletter.issues.render.render import rendition
from newsletter.issues.renditions import KINDS, Kind
from newsletter.issues.views import StoryView
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.summaries.story_text import StoryText, Verdict

SETTINGS = Settings(_env_file=None)  # type: ignore[call-arg]
LINKS = Links("https://news.example.org")


def modelled(told: StoryView) -> StoryView:
    """The Story as a model that uses an outlet's very words would have written it."""
    lede = tuple(replace(s, verdict=Verdict.JUDGED) for s in told.text.lede)
    return replace(told, text=replace(told.text, lede=lede))


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_with_a_models_story_says_so_first_last_and_for_machines(kind: Kind) -> None:
    made = rendition(
        replace(issue(2), stories=(modelled(story(1)), story(2))), kind, settings=SETTINGS, links=LINKS
    )
    for words in (made.html, " ".join(made.text.split())):
        assert words.index(AT_THE_TOP) < words.index(story(1).text.lede[0].text)
        assert "An AI model wrote 1 of the 2 summaries" in words
    assert headers.disclosed(made.html, reviewed=False) == "mode=ai-originated"
    assert headers.disclosed(made.html, reviewed=True) == 'mode=ai-originated, reviewed-by="editor"'


@pytest.mark.parametrize("kind", KINDS)
def test_a_mail_in_the_outlets_own_words_says_that_and_nothing_of_a_model(kind: Kind) -> None:
    made = rendition(issue(2), kind, settings=SETTINGS, links=LINKS)
    assert "no AI wrote any of this" in made.html
    assert AT_THE_TOP not in made.html + made.text
    assert "ai-disclosure" not in made.html
    assert headers.disclosed(made.html, reviewed=True) == ""


def test_a_line_counts_the_stories_of_a_model() -> None:
    own, models = story(1).text, modelled(story(1)).text
    assert not by_model(own)
    assert by_model(models)
    assert written_line([models]).startswith("An AI model wrote this summary, and")
    assert written_line([models, models]).startswith("An AI model wrote the summaries, and")
    assert written_line([models, own, own]).startswith("An AI model wrote 1 of the 3 summaries, and")
    assert disclosure([own]) == disclosure([]) == disclosure([StoryText("")]) == ""
    assert disclosure([own, models]) == "mode=ai-originated"
