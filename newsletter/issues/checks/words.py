"""Checks of an Issue's words: its Stories, Sides, Citations, quotations and subject line. Pure."""

from __future__ import annotations

import re

from newsletter import formatting
from newsletter.delivery.mail import phrases
from newsletter.feeds.leans import Side
from newsletter.issues.checks.findings import Answers, Case, Remedy, bare
from newsletter.issues.subject import preheader as compose_preheader
from newsletter.issues.subject import subjects
from newsletter.stories.words import terms
from newsletter.summaries.story_text import RowKind, StoryKind

FEWEST, WANTED, MOST = 3, 5, 9  # Stories
LONGEST_SUBJECT, LONGEST_PREHEADER = 110, 160  # characters
SHORTEST_SUBJECT, SHORTEST_PREHEADER = 12, 20
SAME_HEADLINE_FROM = 0.75  # share of common words from which two Headlines count as the same


def stories(case: Case) -> Answers:
    count = len(case.view.stories)
    said = f"The issue has {formatting.counted(count, 'story', 'stories')}"
    more = tuple(
        Remedy("put-in", f"Put in “{o.headline}”", o.story_id)
        for o in case.context.offered[:1]
        if count < WANTED
    )
    less = tuple(Remedy("drop", "Drop the last one", s.id) for s in case.view.stories[-1:] if count > MOST)
    if count < FEWEST:
        yield "block", f"{said}; fewer than {FEWEST} are no issue.", more
    elif not WANTED <= count <= MOST:
        yield "warn", f"{said}; {WANTED} to {MOST} are wanted.", more or less
    yield "pass", f"{said}."


def headlines(case: Case) -> Answers:
    words = [frozenset(bare(s.headline).split()) for s in case.view.stories]
    for n, one in enumerate(words):
        for m in range(n):
            shared = len(one & words[m]) / max(1, len(one | words[m]))
            if shared == 1:
                yield "block", f"Stories {m + 1} and {n + 1} bear the same headline.", _second(case, n)
            elif shared >= SAME_HEADLINE_FROM:
                yield "warn", f"Stories {m + 1} and {n + 1} bear almost the same headline.", _second(case, n)
    topics = {s.topic for s in case.view.stories}
    if len(topics) == 1 and len(case.view.stories) >= WANTED:
        yield "warn", "All stories are of one topic.", _second(case, len(case.view.stories) - 1)
    yield "pass", "No headline is repeated."


def _second(case: Case, place: int) -> tuple[Remedy, ...]:
    return case.swaps(case.view.stories[place].id)


def sides(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        if story.kind is not StoryKind.WITH_SIDES:
            continue
        told = {h.side for h in story.text.headlines}
        for side, kind in ((Side.LEFT, RowKind.LEFT_STRESSES), (Side.RIGHT, RowKind.RIGHT_STRESSES)):
            row = story.text.row(kind)
            if row is None and side not in told:
                said = f"Story {number} is carried by the {side.value} and shows nothing of it."
                yield "warn", said, (*_newest(case, story.id), *case.swaps(story.id)[:1])
            if row is not None and not story.by_side()[side]:
                yield (
                    "block",
                    f"Story {number} tells the {side.value}, which did not carry it.",
                    (*_newest(case, story.id), *case.swaps(story.id)),
                )
    yield "pass", "Every story with sides shows both of them."


def _newest(case: Case, story_id: int) -> tuple[Remedy, ...]:
    return (Remedy("newest", "Use its newest words", story_id),) if story_id in case.context.retold else ()


def citations(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        bare = sum(1 for s in story.text.sentences() if not story.numbers(s))
        if bare:
            said = f"Story {number} has {formatting.counted(bare, 'sentence')} that cite no article."
            yield (
                "block",
                said,
                (Remedy("ground", "Take out what does not hold", story.id), *case.swaps(story.id)[:1]),
            )
        if not story.text.lede:
            yield (
                "warn",
                f"Story {number} has no lede.",
                (*_newest(case, story.id), *case.swaps(story.id)[:1]),
            )
    yield "pass", "Every sentence cites an article."


def quotes(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        mend = (Remedy("ground", "Take the quote out", story.id),)
        for quote in story.text.quotes:
            if bare(quote.words) not in bare(quote.citation.passage):
                yield "block", f"Story {number} quotes words that do not stand in the cited passage.", mend
            if story.article(quote.citation.article_id) is None:
                yield "block", f"Story {number} quotes an article it does not have.", mend
        for headline in story.text.headlines:
            article = story.article(headline.article_id)
            if article is None or bare(headline.text) not in bare(article.headline):
                said = f"Story {number} shows a headline that its article does not bear (any more)."
                yield "block", said, (*_newest(case, story.id), *case.swaps(story.id)[:1])
    yield "pass", "Every quotation and headline stands in its article word for word."


def subject(case: Case) -> Answers:
    subject, preheader = phrases.plain(case.view.subject), phrases.plain(case.view.preheader)
    headlines = [s.headline for s in case.view.stories]
    others = [
        Remedy("subject", f"Use “{line}”", 0, line)
        for line in subjects(headlines)
        if line != subject and SHORTEST_SUBJECT <= len(line) <= LONGEST_SUBJECT
    ][:2]
    composed = compose_preheader(headlines)
    fits = SHORTEST_PREHEADER <= len(composed) <= LONGEST_PREHEADER and composed not in (preheader, subject)
    other = (Remedy("preheader", f"Use “{composed}”", 0, composed),) if fits else ()
    if not subject:
        yield "block", "The subject line is empty.", tuple(others)
    elif not SHORTEST_SUBJECT <= len(subject) <= LONGEST_SUBJECT:
        yield (
            "warn",
            f"The subject line has {len(subject)} characters; mailboxes show about 60.",
            tuple(others),
        )
    if not SHORTEST_PREHEADER <= len(preheader) <= LONGEST_PREHEADER:
        yield (
            "warn",
            f"The preheader has {len(preheader)} characters; {SHORTEST_PREHEADER} to 110 are shown.",
            other,
        )
    if preheader and preheader == subject:
        yield "warn", "The preheader repeats the subject line.", other
    yield "pass", f"The subject line has {len(subject)} characters, the preheader {len(preheader)}."


def subject_fits(case: Case) -> Answers:
    """Warn when the subject line names a Story that was dropped."""
    parts = phrases.plain(case.view.subject).split(" · ")
    told = [
        frozenset(terms(f"{s.headline} {' '.join(x.text for x in s.text.lede)}")) for s in case.view.stories
    ]
    headlines = [s.headline for s in case.view.stories]
    mend = tuple(
        Remedy("subject", f"Use “{line}”", 0, line)
        for line in subjects(headlines)[:1]
        if line != case.view.subject
    )
    more = re.fullmatch(r"(\d+) more", parts[-1]) if len(parts) > 1 else None
    for part in (
        parts[:-1] if more else ()
    ):  # the line was made of headlines; an operator's own line is not checked
        own = frozenset(terms(part))
        if own and not any(len(own & words) * 2 > len(own) for words in told):
            yield "warn", f"The subject line names “{part}”, and no story of the issue tells that.", mend
    if more and int(more[1]) != len(case.view.stories) - len(parts) + 1:
        left = len(case.view.stories) - len(parts) + 1
        yield "warn", f"The subject line promises {more[1]} more stories; there are {left}.", mend
    yield "pass", "The subject line names what the issue tells."
