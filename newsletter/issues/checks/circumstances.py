"""Checks against facts outside an Issue: other Issues, the Outlets, its links, the Sender, the Audience. Pure.

The facts are gathered by ``newsletter/issues/checks/context.py``. A Check whose facts were not looked up passes and says so.
"""

from __future__ import annotations

from newsletter import formatting
from newsletter.issues.checks.findings import Answers, Case, Remedy, bare
from newsletter.issues.render import story_phrases
from newsletter.links import Links

SAME_NEWS_FROM = 0.6  # share of common words from which two Headlines of different days count as the same
SILENT_SHARE = 1 / 5  # share of all Outlets; above it the Check warns …
SILENT_SIDE_SHARE = 1 / 3  # … or share of one Side's
CHANGED_SHARE = 0.10  # change as a share of the Audience before …
CHANGED_FROM = 20  # … and in readers, at least
LOST_SHARE = 0.5  # share of the Audience before that is gone, from LOST_FROM readers on: the Check blocks
LOST_FROM = 100
_AGAIN = Remedy("check", "Check again")


def repeated(case: Case) -> Answers:
    told = 0
    for number, story in enumerate(case.view.stories, start=1):
        own = frozenset(bare(story.headline).split())
        for earlier in case.context.earlier:
            words = frozenset(bare(earlier.headline).split())
            same = earlier.story_id == story.id
            if same and story.development:
                told += 1
            elif same or len(own & words) >= SAME_NEWS_FROM * max(1, len(own | words)):
                day = formatting.day(earlier.issued_on)
                said = "was told" if same else f"reads like “{earlier.headline}”, told"
                yield (
                    "warn",
                    f"Story {number} {said} on {day}, and nothing new is named.",
                    case.swaps(story.id),
                )
                break
    yield (
        "pass",
        f"{formatting.counted(told, 'story', 'stories')} told before, with what is new."
        if told
        else "No story of the last days is told again.",
    )


def links_alive(case: Case) -> Answers:
    home = Links(case.settings.SITE_URL)
    there = {address for mail in case.mails for address in mail.page.links}
    asked = dead = mute = 0
    for number, story in enumerate(case.view.stories, start=1):
        for article in story.articles:
            state = case.context.links.get(article.id)
            if state is None or story_phrases.article_url(story, article.number, home) not in there:
                continue
            asked += 1
            mute += not state.is_alive and not state.is_dead
            if state.is_dead:
                dead += 1
                yield (
                    "warn",
                    f"Story {number} links to {article.outlet}, whose page is gone ({state.status}): {article.headline}.",
                    (Remedy("unlink", "Lead to our own page instead", story.id, str(article.id)),),
                )
    if mute * 2 > asked:
        yield (
            "warn",
            f"{mute} of {asked} links gave no answer: either the network or the outlets are in trouble.",
            (_AGAIN,),
        )
    if case.view.is_sample:
        yield "pass", "A sample edition: its outlets are invented, and their links are not asked."
    elif not case.context.links_asked:
        yield "pass", "The links have not been asked yet; “Check again” asks them."
    unanswered = f"; {mute} gave no answer" if mute else ""
    yield "pass", f"{asked - dead} of {asked} links to articles are alive{unanswered}."


def outlets(case: Case) -> Answers:
    sides = case.context.answering
    total, silent = sum(a.outlets for a in sides), sum(len(a.silent) for a in sides)
    look = (Remedy("go", "Look at the feeds", 0, "outlets?only=trouble"),)
    for a in sides:
        if a.outlets and len(a.silent) > SILENT_SIDE_SHARE * a.outlets:
            names = ", ".join(a.silent[:5]) + (" …" if len(a.silent) > 5 else "")
            yield (
                "warn",
                f"{len(a.silent)} of {a.outlets} outlets of the {a.side.value} were not reached: {names}.",
                look,
            )
    if total and silent > SILENT_SHARE * total:
        yield "warn", f"{silent} of {total} outlets were not reached within a day.", look
    names = ", ".join(name for a in sides for name in a.silent)
    if not total:
        yield "pass", "The outlets have not been looked at yet."
    yield (
        "pass",
        f"{silent} of {total} outlets were not reached: {names}."
        if silent
        else f"All {total} outlets were reached.",
    )


def sender_domain(case: Case) -> Answers:
    if case.settings.MAIL_PROVIDER == "outbox":
        yield (
            "pass",
            "Mail is kept in the Outbox and leaves for nobody, so the sender’s domain does not matter.",
        )
    elif case.context.sender is None:
        yield "pass", "The sender’s domain has not been asked for yet; “Check again” asks the DNS."
    else:
        level, said = case.context.sender
        yield level, said, () if level == "pass" else (_AGAIN, Remedy("go", "What to do", 0, "help#sender"))


def audience(case: Case) -> Answers:
    now, before, day = case.context.audience, case.context.audience_before, case.context.before_on
    if now is None:
        yield "pass", "The audience has not been counted yet."
        return
    look = (Remedy("go", "Look at the readers", 0, "figures"), _AGAIN)
    if not now:
        yield "warn", "Nobody would get it: there is no confirmed reader.", look
    if before and day:
        said = f"{now:,} readers would get it, {before:,} got the issue of {formatting.day(day)}"
        if before >= LOST_FROM and now < LOST_SHARE * before:
            yield "block", f"{said}. More than half are missing.", look
        elif abs(now - before) >= CHANGED_FROM and abs(now - before) > CHANGED_SHARE * before:
            yield "warn", f"{said}.", look
        yield "pass", f"{said}."
    yield (
        "pass",
        f"{formatting.counted(now, 'reader')} would get it; there is no issue before to compare with.",
    )
