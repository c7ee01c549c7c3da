"""Checks of what fairness asks: both Sides alike in words and quotes, no loaded words of ours, nothing without ground. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from newsletter.delivery.mail import phrases
from newsletter.issues.balance import UNEVEN_QUOTES, evened, together, uneven, weights
from newsletter.issues.checks.findings import Answers, Case, Remedy
from newsletter.issues.plainer import Offer, mark, offers
from newsletter.issues.views import StoryView
from newsletter.summaries.grounding.gate import Finding, Reason, examine
from newsletter.summaries.loaded_words import loaded as loaded_words
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Citation, Sentence, Telling

ONE_SIDED_SHARE = 1 / 3  # of the Stories; more than that deserves a look
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
    mend = _even(case) if uneven(found) else ()
    for w in found:
        if w.tilted:
            said = f"Story {places[w.story_id]} gives the {w.heavier.value} {w.times:.1f} times the other’s words"
            yield "warn", f"{said} ({w.left_words} left, {w.right_words} right).", mend
    whole = together(found)
    if whole.tilted:
        said = f"In all, the {whole.heavier.value} has {whole.times:.1f} times the other’s words"
        yield "warn", f"{said} ({whole.left_words} left, {whole.right_words} right).", mend
    if abs(whole.more_quotes) > UNEVEN_QUOTES:
        yield "warn", f"The left is quoted {whole.left_quotes} times, the right {whole.right_quotes}.", mend
    yield (
        "pass",
        f"{whole.left_words} words left, {whole.right_words} right; {whole.left_quotes} quotes left, "
        f"{whole.right_quotes} right, over {phrases.counted(len(found), 'story', 'stories')} told by both.",
    )


def _even(case: Case) -> tuple[Remedy, ...]:
    """One press, which says when it cannot do all; none when it could do nothing."""
    after = evened(case.view.stories, case.view.intro)
    if after == case.view.stories:
        return ()
    whole = not uneven(weights(after, case.view.intro))
    return (Remedy("even", "Even it out" if whole else "Even it out as far as it goes: some of it stays"),)


def loaded(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        for offer in offers(story.telling, case.around.articles.get(story.id, ())):
            words = ", ".join(f"“{w}”" for w in dict.fromkeys(loaded_words(offer.text)))
            said = f"Story {number} says {words} in words of ours: “{_cut(offer.text)}”"
            edit = Remedy("go", "Edit it", story.id, "edit")
            yield "warn", f"{said}.", (*_plainer(offer, story.id), edit)
    yield "pass", "No loaded word stands in a sentence of ours outside quotation marks."


def _plainer(offer: Offer, story_id: int) -> tuple[Remedy, ...]:
    """The plainer sentence, to be read before it is taken; or that only taking the loaded one out is left."""
    if offer.instead:
        said = f"Say “{phrases.plain(offer.instead)}”"
    elif offer.goes:
        said = "Take it out: no article says it plainer"
    else:
        return ()
    return (Remedy("plainer", said, story_id, mark(offer.text)),)


def grounding(case: Case) -> Answers:
    looked = 0
    for number, story in enumerate(case.view.stories, start=1):
        articles = case.around.articles.get(story.id)
        if articles is None:
            continue
        looked += 1
        dropped = examine(story.telling, articles).dropped
        rewritten = [f for f in dropped if f.reason is Reason.PASSAGE]
        wrong = [f for f in dropped if f.reason is not Reason.PASSAGE]
        if rewritten:
            wrong += _no_longer_true(story.telling, articles, rewritten)
        mend = (
            Remedy("ground", "Take out what does not hold", story.id),
            *_retold(case, story),
            *case.swaps(story.id)[:1],
        )
        if wrong:
            first = wrong[0]
            yield (
                "block",
                f"Story {number}: {first.reason}, in “{_cut(first.text)}”{_and_more(len(wrong))}.",
                mend,
            )
        elif rewritten:
            yield (
                "warn",
                f"Story {number} rests on words its outlet has changed since: “{_cut(rewritten[0].text)}”"
                f"{_and_more(len(rewritten))}.",
                mend,
            )
    if looked < len(case.view.stories):
        yield "pass", "The sentences are not held against their articles yet."
    yield "pass", "Every sentence passes the gate against its articles as they are now."


def changed(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        if story.id in case.around.flagged:
            yield (
                "warn",
                f"An article that story {number} cites was changed after the story was told.",
                (*_retold(case, story), Remedy("go", "Look at its words", story.id, "grounds")),
            )
    yield "pass", "No cited article was changed after its story was told."


def _retold(case: Case, story: StoryView) -> tuple[Remedy, ...]:
    return (Remedy("newest", "Use its newest words", story.id),) if story.id in case.around.retold else ()


def _no_longer_true(
    telling: Telling, articles: Sequence[ArticleText], rewritten: Sequence[Finding]
) -> list[Finding]:
    """Of the sentences whose passage was rewritten, those whose facts no cited article holds any more."""
    known = {a.id: a for a in articles}
    texts = {f.text for f in rewritten}

    def anew(sentence: Sentence) -> Sentence:
        there = [known[c.article_id] for c in sentence.citations if c.article_id in known]
        return replace(sentence, citations=tuple(Citation(a.id, a.headline) for a in there))

    lede = tuple(anew(s) for s in telling.sentences() if s.text in texts)
    found = examine(Telling(telling.headline, lede=lede), articles).dropped
    return [f for f in found if f.reason in (Reason.NUMBER, Reason.NAME, Reason.QUOTE, Reason.FLIPPED)]


def _cut(text: str) -> str:
    flat = phrases.plain(text)
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN].rsplit(' ', 1)[0]} …"


def _and_more(count: int) -> str:
    return f" and {phrases.counted(count - 1, 'more sentence')}" if count > 1 else ""
