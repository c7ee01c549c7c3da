"""Checks of an Issue's words: its Stories, Sides, Citations, quotations and subject line. Pure."""

from __future__ import annotations

from newsletter.mailroom import phrases
from newsletter.mailroom.findings import Answers, Case, bare, flat
from newsletter.newsroom.leans import SIDES

FEWEST, WANTED, MOST = 3, 5, 7  # Stories
LONGEST_SUBJECT, LONGEST_PREHEADER = 110, 160  # characters
SHORTEST_SUBJECT, SHORTEST_PREHEADER = 12, 20
ALIKE = 0.75  # share of common words at which two Headlines say the same


def stories(case: Case) -> Answers:
    count = len(case.view.stories)
    said = f"The issue has {phrases.counted(count, 'story', 'stories')}"
    if count < FEWEST:
        yield "block", f"{said}; fewer than {FEWEST} are no issue."
    elif not WANTED <= count <= MOST:
        yield "warn", f"{said}; {WANTED} to {MOST} are wanted."
    yield "pass", f"{said}."


def headlines(case: Case) -> Answers:
    words = [frozenset(bare(s.headline).split()) for s in case.view.stories]
    for n, one in enumerate(words):
        for m in range(n):
            shared = len(one & words[m]) / max(1, len(one | words[m]))
            if shared == 1:
                yield "block", f"Stories {m + 1} and {n + 1} bear the same headline."
            elif shared >= ALIKE:
                yield "warn", f"Stories {m + 1} and {n + 1} bear almost the same headline."
    topics = {s.topic for s in case.view.stories}
    if len(topics) == 1 and len(case.view.stories) >= WANTED:
        yield "warn", "All stories are of one topic."
    yield "pass", "No headline is repeated."


def sides(case: Case) -> Answers:
    if case.full is None:
        return
    text, one_sided = flat(case.full.rendition.text), 0
    for number, story in enumerate(case.view.stories, start=1):
        one_sided += story.coverage.one_sided
        for side in SIDES:
            if story.telling.summary(side) is not None and not story.by_side()[side]:
                yield "block", f"Story {number} tells the {side.value}, which did not carry it."
            if story.telling.summary(side) is None:
                said = flat(phrases.missing_side(story, side))
                if said not in text or said not in case.full.page.flat:
                    yield "block", f"Story {number} lacks the {side.value} and does not say so."
                elif story.coverage.of(side):
                    yield "warn", f"Story {number} is carried by the {side.value} and does not tell its side."
    if one_sided * 2 > len(case.view.stories):
        yield "warn", f"{one_sided} of {len(case.view.stories)} stories are one-sided."
    yield "pass", f"Every side is told or said to be missing; {one_sided} one-sided."


def citations(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        bare = sum(1 for s in story.telling.sentences() if not story.numbers(s))
        if bare:
            yield "block", f"Story {number} has {phrases.counted(bare, 'sentence')} that cite no article."
        if not story.telling.lede:
            yield "warn", f"Story {number} has no lede."
    yield "pass", "Every sentence cites an article."


def quotes(case: Case) -> Answers:
    for number, story in enumerate(case.view.stories, start=1):
        for summary in story.telling.summaries:
            for quote in summary.quotes:
                if bare(quote.words) not in bare(quote.citation.passage):
                    yield "block", f"Story {number} quotes words that do not stand in the cited passage."
                if story.article(quote.citation.article_id) is None:
                    yield "block", f"Story {number} quotes an article it does not have."
    yield "pass", "Every quotation stands in its article word for word."


def subject(case: Case) -> Answers:
    subject, preheader = phrases.plain(case.view.subject), phrases.plain(case.view.preheader)
    if not subject:
        yield "block", "The subject line is empty."
    elif not SHORTEST_SUBJECT <= len(subject) <= LONGEST_SUBJECT:
        yield "warn", f"The subject line has {len(subject)} characters; mailboxes show about 60."
    if not SHORTEST_PREHEADER <= len(preheader) <= LONGEST_PREHEADER:
        yield "warn", f"The preheader has {len(preheader)} characters; {SHORTEST_PREHEADER} to 110 are shown."
    if preheader and preheader == subject:
        yield "warn", "The preheader repeats the subject line."
    yield "pass", f"The subject line has {len(subject)} characters and carries the news."
