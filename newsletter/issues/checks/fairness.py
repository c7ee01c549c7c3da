"""Checks of fairness: as many words and quotes of both Sides, no loaded words of ours, no sentence without support. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from newsletter import formatting
from newsletter.delivery.mail import phrases
from newsletter.issues.balance import total, weights
from newsletter.issues.checks.findings import Answers, Case, Remedy
from newsletter.issues.views import StoryView
from newsletter.summaries.grounding.hard_facts import Refusal, Refused, checked, refusal
from newsletter.summaries.loaded_words import loaded as loaded_words
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, StoryText

ONE_SIDED_SHARE = 1 / 3  # share of Stories; above it the Check warns
_SHOWN = 60  # characters of a sentence in a reason


def one_sided(case: Case) -> Answers:
    stories = case.view.stories
    found = [(n, s) for n, s in enumerate(stories, start=1) if s.coverage.one_sided]
    if len(found) > ONE_SIDED_SHARE * len(stories):
        for n, story in found:
            missing = " and ".join(
                f"the {side.value}" for side in story.coverage.missing if side.value != "center"
            )
            yield (
                "warn",
                f"Story {n} is one-sided: {missing} did not carry it. {len(found)} of {len(stories)} stories are.",
                case.swaps(story.id, two_sided=True),
            )
    yield (
        "pass",
        f"{len(found)} of {len(stories)} stories are one-sided, and say so."
        if found
        else "No story is one-sided.",
    )


def balance(case: Case) -> Answers:
    found = weights(case.view.stories, case.view.intro)
    places = {s.id: n for n, s in enumerate(case.view.stories, start=1)}
    for w in found:
        if w.tilted:
            said = f"Story {places[w.story_id]} gives the {w.heavier.value} {w.times:.1f} times the other’s words"
            edit = Remedy("go", "Edit it", w.story_id, "edit")
            yield "warn", f"{said} ({w.left_words} left, {w.right_words} right).", (edit,)
    whole = total(found)
    if whole.tilted:
        said = f"In all, the {whole.heavier.value} has {whole.times:.1f} times the other’s words"
        yield "warn", f"{said} ({whole.left_words} left, {whole.right_words} right)."
    yield (
        "pass",
        f"{whole.left_words} words left, {whole.right_words} right, over "
        f"{formatting.counted(len(found), 'story', 'stories')} told by both.",
    )


def loaded(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        ours = (story.headline, *(s.text for s in (*story.text.lede, *story.text.overview)))
        for text in ours:
            if words := dict.fromkeys(loaded_words(text)):
                said = f"Story {number} says {', '.join(f'“{w}”' for w in words)} in its own voice: “{_cut(text)}”"
                yield "warn", f"{said}.", (Remedy("go", "Edit it", story.id, "edit"),)
    yield "pass", "No loaded word stands in a headline or paragraph outside quotation marks."


def grounding(case: Case) -> Answers:
    looked = 0
    for number, story in enumerate(case.view.stories, start=1):
        articles = case.context.articles.get(story.id)
        if articles is None:
            continue
        looked += 1
        _, refused = checked(story.text, articles)
        rewritten = [r for r in refused if r.reason is Refusal.PASSAGE]
        wrong = [r for r in refused if r.reason is not Refusal.PASSAGE]
        wrong += _no_longer_true(story.text, articles, rewritten)
        mend = (
            Remedy("ground", "Take out what does not hold", story.id),
            *_retold(case, story),
            *case.swaps(story.id)[:1],
        )
        if wrong:
            first = wrong[0]
            said = f"Story {number}: {first.reason}, in “{_cut(first.text)}”{_and_more(len(wrong))}."
            yield "block", said, mend
        elif rewritten:
            yield (
                "warn",
                f"Story {number} rests on words its outlet has changed since: “{_cut(rewritten[0].text)}”"
                f"{_and_more(len(rewritten))}.",
                mend,
            )
    if looked < len(case.view.stories):
        yield "pass", "The sentences are not held against their articles yet."
    yield "pass", "Every sentence holds against its articles as they are now."


def changed(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        if story.id in case.context.flagged:
            yield (
                "warn",
                f"An article that story {number} cites was changed after the story was told.",
                (*_retold(case, story), Remedy("go", "Look at its words", story.id, "grounds")),
            )
    yield "pass", "No cited article was changed after its story was told."


def _retold(case: Case, story: StoryView) -> tuple[Remedy, ...]:
    return (Remedy("newest", "Use its newest words", story.id),) if story.id in case.context.retold else ()


def _no_longer_true(
    story: StoryText, articles: Sequence[ArticleText], rewritten: Sequence[Refused]
) -> list[Refused]:
    """Return the sentences, of those whose passage was rewritten, whose facts no cited Article contains any more."""
    known = {a.id: a for a in articles}
    texts = {r.text for r in rewritten}
    found = []
    for sentence in (s for s in story.sentences() if s.text in texts):
        there = [known[c.article_id] for c in sentence.citations if c.article_id in known]
        anew = replace(sentence, citations=tuple(Citation(a.id, a.headline) for a in there))
        if reason := refusal(anew, known):
            found.append(Refused(sentence.text, reason))
    return found


def _cut(text: str) -> str:
    flat = phrases.plain(text)
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN].rsplit(' ', 1)[0]} …"


def _and_more(count: int) -> str:
    return f" and {formatting.counted(count - 1, 'more sentence')}" if count > 1 else ""
