"""The Issue on the desk: its preview, its evidence, and decisions that are made once."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest
from sqlalchemy import select, update

from newsletter import db
from newsletter.db.models import (
    Article,
    AuditEntry,
    Check,
    Delivery,
    Issue,
    Rendition,
    StoryRevision,
    Subscriber,
)
from newsletter.delivery import ledger
from newsletter.delivery.mail import slots
from newsletter.delivery.mail.messages import content_hash
from newsletter.delivery.providers.outbox.send import list_outbox, read_outbox
from newsletter.desk.issue.next_step import IssueFacts, next_step
from newsletter.errors import Refused
from newsletter.issues.preview import example_slots
from newsletter.summaries.story_text import from_json
from tests.conftest import MORNING

DAY = "2026-03-02"
ISSUE = f"issues/{DAY}"


def _issue(sessions: db.Sessions) -> Issue:
    with db.reading(sessions) as session:
        return session.scalars(select(Issue)).one()


def _acts(sessions: db.Sessions) -> list[tuple[str, str, str]]:
    with db.reading(sessions) as session:
        rows = session.scalars(
            select(AuditEntry).where(AuditEntry.about == f"issue:{DAY}").order_by(AuditEntry.id)
        )
        return [(r.act, r.by, r.detail.get("reason", "")) for r in rows]


def _blocked(sessions: db.Sessions) -> None:
    """Break the Issue so that its own Checks block it: an empty subject line is no issue."""
    with sessions.begin() as session:
        session.execute(update(Rendition).values(subject=""))


@pytest.mark.parametrize("path", ["", "/desk", ISSUE])
def test_today_is_todays_issue(make_desk: Callable[..., object], path: str, sessions: db.Sessions) -> None:
    by_itself = unescape(make_desk().sign_in().page(path))
    assert _issue(sessions).subject in by_itself
    assert "it approves itself at 2 March 2026, 05:10 EST." in by_itself
    by_hand = make_desk("two@example.com", APPROVAL="manual").sign_in()
    assert "Look it over, then approve it." in by_hand.page(path)


def test_the_frame_holds_exactly_the_bytes_that_go_out_with_the_slots_filled(
    desk: object, sessions: db.Sessions
) -> None:
    values = example_slots(desk.service.links)
    with db.reading(sessions) as session:
        stored = {r.kind: r.html for r in session.scalars(select(Rendition))}
    for kind, html in stored.items():
        shown = desk.get(f"{ISSUE}/frame?kind={kind}")
        assert shown.get_data() == slots.fill(html, values, html=True).encode()
        assert "%%" not in shown.text
    assert stored["full"] != stored["metered"]


def test_the_frame_can_do_nothing(desk: object) -> None:
    policy = desk.get(f"{ISSUE}/frame").headers["Content-Security-Policy"]
    directives = dict(d.strip().partition(" ")[::2] for d in policy.split(";"))
    assert directives["sandbox"] == ""
    assert directives["default-src"] == "'none'"
    assert "script-src" not in directives
    frames = re.findall(r"<iframe[^>]*>", desk.page())
    assert len(frames) == 1
    assert 'sandbox=""' in frames[0]
    assert "srcdoc" not in frames[0]


def test_light_and_dark_change_the_head_and_nothing_else(desk: object) -> None:
    bare = desk.get(f"{ISSUE}/frame").text
    dark, light = (desk.get(f"{ISSUE}/frame?scheme={s}").text for s in ("dark", "light"))
    assert len({bare, dark, light}) == 3
    assert "prefers-color-scheme" in bare
    assert "prefers-color-scheme" not in dark + light
    assert {t.partition("</head>")[2] for t in (bare, dark, light)} == {bare.partition("</head>")[2]}


def test_plain_text_is_shown_as_text(desk: object, sessions: db.Sessions) -> None:
    with db.reading(sessions) as session:
        text = ledger.stored_templates(session, 1)["metered"].text
    shown = re.search(r"<pre[^>]*>(.*?)</pre>", desk.page(f"{ISSUE}?form=text&kind=metered"), re.S)
    assert shown
    expected = slots.fill(text, example_slots(desk.service.links), html=False)
    assert unescape(shown[1]).split() == expected.split()


def test_every_sentence_stands_beside_the_passage_it_rests_on(desk: object, sessions: db.Sessions) -> None:
    page = " ".join(unescape(desk.page()).split())
    with db.reading(sessions) as session:
        issue = session.scalars(select(Issue)).one()
        tellings = [from_json(p.story_revision.words) for p in issue.placements]
        articles = {a.id: a for a in session.scalars(select(Article))}
    sentences = [s for t in tellings for s in t.sentences()]
    assert len(sentences) > 20
    for sentence in sentences:
        assert " ".join(sentence.text.split()) in page
        for citation in sentence.citations:
            assert " ".join(citation.passage.split()) in page
            assert " ".join(articles[citation.article_id].headline.split()) in page


def test_approving_puts_the_hash_under_these_bytes(desk: object, sessions: db.Sessions) -> None:
    assert desk.submit(f"{ISSUE}/approve", ISSUE).status_code == 303
    issue = _issue(sessions)
    with db.reading(sessions) as session:
        hashes = {k: t.content_hash for k, t in ledger.stored_templates(session, issue.id).items()}
    assert (issue.state, issue.content_hash) == ("approved", ledger.issue_hash(hashes))
    assert issue.approved_by == f"operator:{desk.operator_id}"
    assert _acts(sessions) == [("issue.approved", f"operator:{desk.operator_id}", "")]
    assert "ed@example.com" in desk.page(ISSUE)


def test_a_blocking_check_asks_for_a_written_reason(desk: object, sessions: db.Sessions) -> None:
    _blocked(sessions)
    assert desk.submit(f"{ISSUE}/check", ISSUE).status_code == 303
    page = desk.page(ISSUE)
    assert "Approve all the same" in page
    assert "It waits for you" in page
    refused = desk.submit(f"{ISSUE}/approve", ISSUE, reason="  ")
    assert refused.status_code == 409
    assert "blocked by its Checks" in refused.text
    assert _issue(sessions).state == "draft"
    assert desk.submit(f"{ISSUE}/approve", ISSUE, reason="The subject is added by hand.").status_code == 303
    assert _issue(sessions).state == "approved"
    assert _acts(sessions)[-1][2] == "The subject is added by hand."


def test_hold_resume_withdraw_go_round_and_leave_a_trail(desk: object, sessions: db.Sessions) -> None:
    by = f"operator:{desk.operator_id}"
    assert desk.submit(f"{ISSUE}/hold", ISSUE, reason=" ").status_code == 409
    assert desk.submit(f"{ISSUE}/hold", ISSUE, reason="A quote is in doubt.").status_code == 303
    assert (_issue(sessions).state, _issue(sessions).hold_reason) == ("held", "A quote is in doubt.")
    assert "A quote is in doubt." in desk.page()
    assert desk.submit(f"{ISSUE}/resume", ISSUE).status_code == 303
    assert _issue(sessions).state == "draft"
    unsure = desk.submit(f"{ISSUE}/withdraw", f"{ISSUE}/withdraw", reason="Wrong.")
    assert (unsure.status_code, _issue(sessions).state) == (409, "draft")
    assert (
        desk.submit(f"{ISSUE}/withdraw", f"{ISSUE}/withdraw", reason="Wrong.", sure="yes").status_code == 303
    )
    assert _issue(sessions).state == "withdrawn"
    assert '/approve"' not in desk.page()
    assert [(a, b) for a, b, _ in _acts(sessions)] == [
        ("issue.held", by),
        ("issue.resumed", by),
        ("issue.withdrawn", by),
    ]


@pytest.mark.parametrize("act", ["approve", "hold", "resume", "withdraw"])
def test_a_form_made_for_another_state_is_refused(
    make_desk: Callable[..., object], act: str, sessions: db.Sessions
) -> None:
    one, other = make_desk("one@example.com").sign_in(), make_desk("two@example.com").sign_in()
    if act == "resume":
        other.submit(f"{ISSUE}/hold", ISSUE, reason="first")
    on = f"{ISSUE}/withdraw" if act == "withdraw" else ISSUE
    stale = one.fields(on, f"/desk/{ISSUE}/{act}")
    other.submit(f"{ISSUE}/{'resume' if act == 'resume' else 'hold'}", ISSUE, reason="faster")
    if act == "resume":
        other.submit(f"{ISSUE}/approve", ISSUE)
    before = _issue(sessions).state
    refused = one.post(f"{ISSUE}/{act}", **stale, reason="slower", sure="yes")
    assert refused.status_code == 409
    assert "was changed since you opened this page" in refused.text
    assert _issue(sessions).state == before
    assert one.post(f"{ISSUE}/{act}", **{**stale, "seen": ""}, reason="x", sure="yes").status_code == 409


def test_a_form_made_for_other_bytes_is_refused(desk: object, sessions: db.Sessions) -> None:
    stale = desk.fields(ISSUE, f"/desk/{ISSUE}/approve")
    with sessions.begin() as session:
        session.execute(update(Rendition).where(Rendition.kind == "metered").values(text="Other words."))
    assert desk.post(f"{ISSUE}/approve", **stale).status_code == 409
    assert _issue(sessions).state == "draft"


def test_a_proof_goes_to_the_operator_alone_and_into_no_ledger(desk: object, sessions: db.Sessions) -> None:
    answer = desk.submit(f"{ISSUE}/proof", f"{ISSUE}?kind=metered")
    assert answer.status_code == 200
    folder = desk.service.settings.OUTBOX_DIR
    (kept,) = list_outbox(folder)
    mail = read_outbox(folder, kept.name)
    assert mail.to == "ed@example.com"
    assert mail.subject.startswith("[Proof] ")
    shown = desk.get(f"{ISSUE}/frame?kind=metered").text
    assert mail.html.split() == shown.split()
    with db.reading(sessions) as session:
        assert session.scalars(select(Delivery)).all() == []
    assert _issue(sessions).state == "draft"
    assert [a for a, _, _ in _acts(sessions)] == ["issue.proofed"]


@pytest.mark.parametrize(
    ("zone", "hour", "said"),
    [
        ("America/New_York", 6, "Monday at 06:00 EST"),
        ("America/Los_Angeles", 7, "Monday at 07:00 PST"),
        ("Europe/Berlin", 18, "Monday at 18:00 CET"),
    ],
)
def test_a_reader_elsewhere_gets_it_at_their_own_hour(desk: object, zone: str, hour: int, said: str) -> None:
    assert said in desk.page(f"{ISSUE}?zone={zone}&hour={hour}")


@pytest.mark.parametrize(
    "query", ["zone=../../etc/passwd", "zone=Nowhere/There", "hour=99&zone=%00", "kind=<b>&width=1"]
)
def test_a_query_that_makes_no_sense_is_as_if_it_were_not_there(desk: object, query: str) -> None:
    page = desk.page(f"{ISSUE}?{query}")
    assert "It arrives" not in page
    assert page.count('aria-current="true"') == 4


@pytest.mark.parametrize("day", ["2026-3-2", "2026-03-03", "yesterday", "20260302"])
def test_a_day_without_an_issue_says_so(desk: object, day: str) -> None:
    assert desk.get(f"issues/{day}").status_code == 404


def test_without_an_issue_the_desk_says_when_it_comes(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(Issue).values(issued_on=MORNING.date() - timedelta(days=1)))
    assert "No issue yet today" in desk.page()
    assert "It should have been composed at" in desk.page()  # 04:30 has passed at 05:00


def test_many_faults_of_one_kind_stand_behind_the_first(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for number in range(40):
            session.add(
                Check(
                    issue_id=1,
                    name="links",
                    level="block",
                    reason=f"Link {number} is odd.",
                    checked_at=MORNING,
                )
            )
    page = desk.page(ISSUE)
    assert "39 more like it" in page
    assert page.count('class="check check--block"') == 1
    assert "Link 39 is odd." in page


def test_what_comes_next_is_one_sentence_for_every_state() -> None:
    draft = IssueFacts("draft", MORNING, "", 0, 0, 0, checked=True, blocks=(), warns=2, auto=True)
    assert next_step(draft).until == MORNING + timedelta(minutes=10)
    assert next_step(replace(draft, auto=False)).tone == "look"
    blocked = next_step(replace(draft, blocks=("It is too large.", "It has no end")))
    assert (blocked.tone, blocked.sentence) == ("stop", "It waits for you. It is too large. (And 1 more.)")
    assert (blocked.place, bool(blocked.label)) == ("#checks", True)
    assert "check it now" in next_step(replace(draft, checked=False)).sentence
    held = replace(draft, state="held", hold_reason="a quote is in doubt")
    assert next_step(held).sentence.startswith("Held: a quote is in doubt. Nothing goes out until")
    assert next_step(replace(draft, state="dispatched", audience=9, accepted=8, uncertain=1)).tone == "look"
    assert next_step(replace(draft, state="dispatched", audience=9, accepted=9)).tone == "calm"


def test_the_pressroom_refuses_what_was_not_seen(desk: object) -> None:
    with pytest.raises(Refused, match="changed since you opened"):
        desk.service.hold(MORNING.date(), by="test", reason="x", seen="something else")


def test_the_words_of_an_operator_are_named_as_such(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        telling = session.scalars(select(Issue)).one().placements[0].story_revision
        words = {**telling.words, "lede": [{**telling.words["lede"][0], "verdict": "operator"}]}
        session.execute(update(StoryRevision).where(StoryRevision.id == telling.id).values(words=words))
    assert "Written by an operator, who answers for it. The check of facts: never judged" in desk.page()


def test_what_is_previewed_is_what_leaves(desk: object, sessions: db.Sessions) -> None:
    """The mail in the Outbox is, but for each reader's own links, byte for byte what the desk shows and approved."""
    shown = {kind: desk.get(f"{ISSUE}/frame?kind={kind}").text for kind in ("full", "metered")}
    assert desk.submit(f"{ISSUE}/approve", ISSUE).status_code == 303
    desk.service.dispatch(MORNING.date())
    example = example_slots(desk.service.links)
    with db.reading(sessions) as session:
        owed = session.scalars(select(Delivery)).all()
        stored = ledger.stored_templates(session, 1)
        preheaders = {r.kind: r.preheader for r in session.scalars(select(Rendition))}
        readers = {r.id: r.address for r in session.scalars(select(Subscriber))}
    assert {d.rendition for d in owed} == {"full", "metered"}
    folder = desk.service.settings.OUTBOX_DIR
    mails = {mail.to: mail for mail in (read_outbox(folder, kept.name) for kept in list_outbox(folder))}
    for delivery in owed:
        mail = mails[readers[delivery.subscriber_id]]
        own = desk.service.reader_slots(MORNING.date(), delivery.subscriber_id, mail.to)
        html, text = mail.html.replace("\r\n", "\n"), mail.text.replace("\r\n", "\n")
        template = stored[delivery.rendition]
        assert html.rstrip("\n") == slots.fill(template.html, own, html=True).rstrip("\n")
        opened = {"html": html, "text": text}
        for name, value in own.items():  # put the Slots back
            opened = {part: words.replace(value, f"%%{name}%%") for part, words in opened.items()}
        trimmed = (template.html.rstrip("\n"), template.text.rstrip("\n"))
        assert (opened["html"].rstrip("\n"), opened["text"].rstrip("\n")) == trimmed
        rehashed = content_hash(mail.subject, template.html, template.text, preheaders[delivery.rendition])
        assert rehashed == delivery.content_hash == template.content_hash
        assert slots.fill(template.html, example, html=True) == shown[delivery.rendition]
