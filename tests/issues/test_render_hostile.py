"""Feed text is text: whatever an outlet, headline, quotation or address holds, it becomes no markup, template or Slot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from newsletter.delivery.mail import slots
from newsletter.issues.checks.mailed_page import read_page
from newsletter.issues.render.render import rendition
from newsletter.issues.render.story_phrases import article_url
from newsletter.issues.views import IssueView
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.summaries.story_text import Question, Sentence, StoryKind
from tests.issues.issue_values import issue, story

SETTINGS = Settings(_env_file=None, SITE_URL="https://evenhand.example")
LINKS = Links(SETTINGS.SITE_URL)
PAYLOADS = (
    "<mj-raw><b>x</b></mj-raw>",
    "{{7*7}}",
    "{% raw %}{# x #}",
    "%%unsubscribe_url%%",
    "%%%account_url%%%",
    "-unsubscribe_url- <%asm_group_unsubscribe_raw_url%>",
    "</mj-text></mj-column><mj-image src='https://evil.example/x.png'/>",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp;lt; &#37;&#37;account_url&#37;&#37;",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='x",
    "--><!--[if mso]><b>x</b><![endif]-->",
    "<![CDATA[ x ]]> <!-- x",
    "line\r\nBcc: x@evil.example\n\nmore",
    "a\u202egnp.exe\u2066 \x00\x1b[31m",
    "*|UNSUB|* [unsubscribe] $name ${x} #{x}",
)


def poisoned(evil: str) -> IssueView:
    """An Issue with ``evil`` wherever a feed, a model or an operator may put words."""

    def spoil(sentence: Sentence) -> Sentence:
        return replace(sentence, text=f"{evil} {sentence.text}")

    stories = []
    for told in (story(1), story(2)):
        words = told.text
        stories.append(
            replace(
                told,
                topic=evil,
                development=evil,
                articles=tuple(replace(a, outlet=f"{evil} {a.outlet}", headline=evil) for a in told.articles),
                history=tuple(replace(h, headline=evil) for h in told.history),
                text=replace(
                    words,
                    headline=f"{evil} {words.headline}",
                    lede=tuple(map(spoil, words.lede)),
                    overview=tuple(map(spoil, words.overview)),
                    headlines=tuple(
                        replace(h, text=f"{evil} {h.text}", marked=((0, len(evil)),)) for h in words.headlines
                    ),
                    rows=tuple(replace(r, sentences=tuple(map(spoil, r.sentences))) for r in words.rows),
                    questions=tuple(Question(evil, tuple(map(spoil, q.answer))) for q in words.questions),
                    quotes=tuple(replace(q, words=f"{evil} {q.words}", speaker=evil) for q in words.quotes),
                ),
            )
        )
    brief = replace(
        stories[1],
        id=8,
        text=replace(stories[1].text, kind=StoryKind.NO_SIDES),
    )
    blind = replace(stories[1], id=9, text=replace(stories[1].text, kind=StoryKind.BLIND_SPOT))
    stories += [brief, blind]
    return replace(issue(2), subject=evil, preheader=evil, intro=evil, stories=tuple(stories))


@pytest.fixture(scope="module")
def clean() -> dict[str, tuple[str, ...]]:
    """The tags of the same Issue with harmless words."""
    return {
        k: _tags(rendition(poisoned("plain"), k, settings=SETTINGS, links=LINKS).html)
        for k in ("full", "metered")
    }  # type: ignore[arg-type]


def _tags(html: str) -> tuple[str, ...]:
    page = read_page(html)
    return tuple(sorted(set(page.links))) + page.active


@pytest.mark.parametrize("evil", PAYLOADS)
@pytest.mark.parametrize("kind", ["full", "metered"])
def test_feed_text_stays_text(kind: str, evil: str, clean: dict[str, tuple[str, ...]]) -> None:
    made = rendition(poisoned(evil), kind, settings=SETTINGS, links=LINKS)  # type: ignore[arg-type]
    page = read_page(made.html)
    # Nothing new runs, loads or links, and no attribute was broken out of.
    assert _tags(made.html) == clean[kind]
    assert slots.open_slots(made.html) == slots.open_slots(made.text) == slots.ISSUE_SLOTS
    assert made.html.count("%%unsubscribe_url%%") == 1
    assert made.text.count("%%unsubscribe_url%%") == 1
    assert not slots.open_slots(made.subject + made.preheader)
    assert "\n" not in made.subject
    assert "49" not in made.subject
    for text in (made.html, made.text, made.subject):
        assert not {"\x00", "\x1b", "\u202e", "\u2066"} & set(text)
    # The reader sees exactly what the feed said.
    seen = " ".join(page.text.replace("\u2060", "").split())
    for unseen in "\x00\x1b\u202e\u2066":
        evil = evil.replace(unseen, " ")
    assert f"{' '.join(evil.split())} Ostrava Senate" in seen
    assert f"{' '.join(evil.split())} Ostrava Senate" in " ".join(made.text.replace("\u2060", "").split())


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        "ftp://a.example/x",
        "//a.example/x",
        "",
        "https://a.example/" + "x" * 400,
        "https://a.example/\nx",
    ],
)
def test_an_address_that_is_not_fit_to_print_leads_to_the_story_page(url: str) -> None:
    told = story(1)
    told = replace(told, articles=(replace(told.articles[0], url=url), *told.articles[1:]))
    assert article_url(told, 1, LINKS) == LINKS.story("story-1")
    assert article_url(told, 99, LINKS) == LINKS.story("story-1")


def test_an_address_cannot_open_a_slot_or_an_attribute() -> None:
    told = story(1)
    url = "https://a.example/?a=%%account_url%%&b=\"><b>'%%%%"
    told = replace(told, articles=tuple(replace(a, url=url) for a in told.articles))
    made = rendition(replace(issue(1), stories=(told,)), "full", settings=SETTINGS, links=LINKS)
    assert slots.open_slots(made.html) == slots.ISSUE_SLOTS
    assert made.html.count("%%account_url%%") == 1
    links = [x for x in read_page(made.html).links if x.startswith("https://a.example/")]
    assert set(links) == {article_url(told, 1, LINKS)}
    assert "%%" not in links[0]
