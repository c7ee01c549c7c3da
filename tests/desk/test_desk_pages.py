"""The desk's other pages: nothing that came from outside is ever markup, and each act does what it says."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update
from sqlalchemy.event import listen

from newsletter import db
from newsletter.db.models import (
    Article,
    ArticlePage,
    AuditEntry,
    Check,
    Delivery,
    DeliveryEvent,
    Feed,
    Issue,
    LeftOut,
    Outlet,
    Report,
    Run,
    Story,
    StoryRevision,
    Subscriber,
    Suppression,
)
from newsletter.desk.audit import PHRASES
from newsletter.desk.plots import PlotText, Series, plot
from newsletter.subscribers.addresses import address_hash
from tests.conftest import MORNING

DAY = "2026-03-02"
ISSUE = f"issues/{DAY}"
HOSTILE = """"'><script>alert(1)</script><img src=x onerror=alert(2)>{{ 7*7 }}%%unsubscribe_url%%"""
RAW = ("<script>alert", "<img src=x", "\"'>")
PAGES = (
    "", "issues", ISSUE, f"{ISSUE}/edit", f"{ISSUE}?form=text", f"{ISSUE}/dispatch", f"{ISSUE}/withdraw", "stories", "outlets",
    "outlets?only=trouble", "reports", "readers", "readers/1", "figures", "runs", "outbox", "operators", "audit",
)  # fmt: skip


def _hostile(sessions: db.Sessions) -> None:
    """Everything that strangers write, written by a bad one."""
    with sessions.begin() as session:
        session.execute(update(Outlet).values(name=Outlet.name + HOSTILE, homepage="javascript:alert(1)"))
        session.execute(update(Article).values(headline=HOSTILE, excerpt=HOSTILE))
        session.execute(update(Article).where(Article.id == 1).values(url="javascript:alert(1)"))
        session.execute(update(Feed).values(last_error=HOSTILE, failures=3, url=Feed.url + HOSTILE))
        for telling in session.scalars(select(StoryRevision)):
            words = {**telling.words, "headline": HOSTILE}
            words["lede"] = [{**s, "text": HOSTILE, "cites": _hostile_cites(s)} for s in words["lede"]]
            session.execute(update(StoryRevision).where(StoryRevision.id == telling.id).values(words=words))
        session.execute(
            update(Issue).values(subject=HOSTILE, preheader=HOSTILE, state="held", hold_reason=HOSTILE)
        )
        session.add(Check(issue_id=1, name="x", level="warn", reason=HOSTILE, checked_at=MORNING))
        session.add(Report(story_id=1, reason="other", words=HOSTILE, reported_at=MORNING))
        session.add(
            Run(
                step="gather",
                due_at=MORNING + timedelta(hours=1),
                started_at=MORNING,
                outcome="failed",
                error=HOSTILE,
            )
        )
        session.add(AuditEntry(at=MORNING, by=HOSTILE, act=HOSTILE, about=HOSTILE, detail={HOSTILE: HOSTILE}))
        session.execute(update(Story).values(topic=HOSTILE))
        session.execute(
            update(Subscriber).where(Subscriber.id == 1).values(zone="America/New_York", consent_from=HOSTILE)
        )


def _hostile_cites(sentence: dict) -> list[dict]:
    return [{**c, "passage": HOSTILE} for c in sentence["cites"]]


def test_what_strangers_wrote_is_text_on_every_page(desk: object, sessions: db.Sessions) -> None:
    _dispatched(desk, sessions)
    _hostile(sessions)
    with sessions.begin() as session:
        session.execute(update(Delivery).where(Delivery.id == 1).values(reason=HOSTILE))
    said = 0
    for path in PAGES:
        page = desk.page(path)
        for raw in RAW:
            assert raw not in page, (path, raw)
        assert not re.search(r"""(?:href|src|action)=["']?\s*javascript:""", page, re.I), path
        assert "49" not in re.findall(r"onerror=alert\(2\)&gt;(.{0,8})", page)
        said += "&lt;script&gt;alert(1)" in page
    assert said >= 9


def test_hostile_words_in_the_mail_stay_words_in_the_frame(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for telling in session.scalars(select(StoryRevision)):
            words = {**telling.words, "headline": HOSTILE}
            session.execute(update(StoryRevision).where(StoryRevision.id == telling.id).values(words=words))
    desk.service.render(MORNING.date())
    frame = desk.get(f"{ISSUE}/frame").text
    assert "<script" not in frame
    assert "<img" not in frame
    assert "alert(1)" in frame


def _dispatched(desk: object, sessions: db.Sessions, *, now_uncertain: int = 0) -> None:
    """The Issue handed over to the Outbox; ``now_uncertain`` copies are then as if nobody had heard of them."""
    desk.service.approve(MORNING.date(), by="test")
    desk.service.dispatch(MORNING.date())
    with sessions.begin() as session:
        for delivery in session.scalars(select(Delivery).limit(now_uncertain)):
            session.execute(
                update(Delivery)
                .where(Delivery.id == delivery.id)
                .values(state="uncertain", reason="the line broke", settled_at=None)
            )


def test_the_dispatch_page_adds_up_by_everything(desk: object, sessions: db.Sessions) -> None:
    assert "not frozen yet" in desk.page(f"{ISSUE}/dispatch")
    _dispatched(desk, sessions, now_uncertain=1)
    page = unescape(desk.page(f"{ISSUE}/dispatch"))
    assert (
        "It adds up: 2 = 0 pending + 0 submitting + 1 accepted + 0 failed + 1 uncertain + 0 withdrawn" in page
    )
    for table in re.findall(r'<table class="numbers">.*?</table>', page, re.S):
        rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", table, re.S)
        counts = [[int(n) if n != "·" else 0 for n in re.findall(r"<td>([\d·]+)</td>", row)] for row in rows]
        assert sum(c[-1] for c in counts) == 2
        assert all(sum(c[:-1]) == c[-1] for c in counts)


def test_a_ledger_that_does_not_add_up_is_said_so(desk: object, sessions: db.Sessions) -> None:
    _dispatched(desk, sessions)
    with sessions.begin() as session:
        session.execute(update(Issue).values(audience_size=3))
    assert "It does not add up" in desk.page(f"{ISSUE}/dispatch")


@pytest.mark.parametrize(
    ("after", "issue"), [("accepted", "dispatched"), ("withdrawn", "dispatched"), ("pending", "dispatching")]
)
def test_uncertain_copies_are_decided_by_an_operator(
    desk: object, sessions: db.Sessions, after: str, issue: str
) -> None:
    _dispatched(desk, sessions, now_uncertain=2)
    with db.reading(sessions) as session:
        first, second = session.scalars(select(Delivery.id).order_by(Delivery.id)).all()
    page = desk.page(f"{ISSUE}/dispatch")
    assert page.count("the line broke") >= 2
    done = desk.submit(
        f"{ISSUE}/uncertain",
        f"{ISSUE}/dispatch",
        delivery=str(first),
        after=after,
        reason="They wrote to us.",
    )
    assert done.status_code == 303
    with db.reading(sessions) as session:
        states = dict(session.execute(select(Delivery.id, Delivery.state)).all())
        assert states == {first: after, second: "uncertain"}
        assert session.scalars(select(Issue.state)).one() == issue
        entry = session.scalars(select(AuditEntry).where(AuditEntry.act == f"delivery.decided_{after}")).one()
    assert (entry.by, entry.detail["reason"]) == (f"operator:{desk.operator_id}", "They wrote to us.")


def test_a_whole_batch_in_doubt_is_decided_by_one_tick(desk: object, sessions: db.Sessions) -> None:
    _dispatched(desk, sessions, now_uncertain=2)
    form = f"{ISSUE}/uncertain", f"{ISSUE}/dispatch"
    assert "All 2 handed over" in desk.page(form[1])
    assert desk.submit(*form, batch="1", after="accepted", reason="their log").status_code == 303
    with db.reading(sessions) as session:
        assert set(session.scalars(select(Delivery.state))) == {"accepted"}


def test_a_correction_is_looked_at_before_it_is_sent(desk: object, sessions: db.Sessions) -> None:
    page = f"{ISSUE}/correct"
    assert "has not gone to anybody" in desk.page(page)
    _dispatched(desk, sessions)
    wrote = {"text": "Not Monday.\r\n\r\n<b>Tuesday</b> %%unsubscribe_url%%.", "edition": ""}
    looked = desk.submit(page, page, **wrote)
    assert looked.status_code == 200
    assert "&lt;b&gt;Tuesday&lt;/b&gt;" in looked.text
    assert "mail this to 2 readers" in looked.text
    seen = re.search(r'name="seen" value="([0-9a-f]{64})"', looked.text).group(1)
    fine = {**desk.fields(page, f"/desk/{page}"), **wrote, "seen": seen, "sure": "yes"}
    for wrong in ({"sure": ""}, {"seen": ""}, {"text": "Other words."}, {"edition": "third"}):
        assert desk.post(f"{page}/send", **{**fine, **wrong}).status_code == 409, wrong
    assert desk.post(f"{page}/send", **fine).status_code == 303
    assert desk.post(f"{page}/send", **fine).status_code == 409  # twice is once
    assert "2 = 2 pending" in unescape(desk.page(page))
    stopped = desk.submit(f"{page}/withdraw", page, reason="worse")
    assert stopped.status_code == 303
    assert "2 = 0 pending + 0 submitting + 0 accepted + 0 failed + 0 uncertain + 2 withdrawn" in unescape(
        desk.page(page)
    )


def test_deciding_wants_a_reason_a_choice_and_a_copy_of_this_issue(
    desk: object, sessions: db.Sessions
) -> None:
    _dispatched(desk, sessions, now_uncertain=1)
    form = f"{ISSUE}/uncertain", f"{ISSUE}/dispatch"
    for missing in (
        {"after": "accepted", "reason": "x"},
        {"delivery": "1", "reason": "x"},
        {"delivery": "1", "after": "accepted"},
    ):
        assert desk.submit(*form, **missing).status_code == 409
    desk.submit(*form, delivery="999999", after="accepted", reason="x")
    with db.reading(sessions) as session:
        assert session.scalars(select(Delivery.state).order_by(Delivery.state)).all() == [
            "accepted",
            "uncertain",
        ]


def test_a_feed_is_paused_and_resumed(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        number = session.scalars(select(Feed.id)).first()
        session.execute(
            update(Feed)
            .where(Feed.id == number)
            .values(failures=4, last_error="No answer.", not_before_at=MORNING)
        )
    assert "4 failures in a row" in desk.page("outlets?only=trouble")
    assert desk.submit(f"feeds/{number}/pause", "outlets").status_code == 303
    with db.reading(sessions) as session:
        assert session.get_one(Feed, number).paused_at == MORNING
    assert desk.submit(f"feeds/{number}/resume", "outlets").status_code == 303
    with db.reading(sessions) as session:
        feed = session.get_one(Feed, number)
        assert (feed.paused_at, feed.failures, feed.not_before_at) == (None, 0, None)
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.about == f"feed:{number}")).all()
    assert acts == ["feed.paused", "feed.resumed"]


def test_what_each_side_can_bring_is_counted_by_outlet(desk: object) -> None:
    table = re.search(r"<table class=\"numbers\">.*?</table>", desk.page("outlets"), re.S)[0]
    rows = [[int(n) for n in re.findall(r"<td>(\d+)</td>", row)] for row in table.split("</tr>")[1:4]]
    assert sum(r[0] for r in rows) == 16
    assert [r[1] for r in rows] == [r[0] for r in rows]
    assert sum(r[2] for r in rows) == 95


def test_a_state_run_outlet_counts_for_no_side_on_the_desk(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        outlet = session.scalars(select(Outlet).where(Outlet.lean == "left")).first()
        outlet.state_run, outlet.state_run_basis, outlet.country = (
            True,
            "The minister names its editor.",
            "MW",
        )
    page = desk.page("outlets")
    counted = re.findall(r"</span></th><td>(\d+)</td>", page)
    assert sum(int(n) for n in counted) == 15
    words = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "State-run, no side · https://" in words
    assert "Country: Malawi State-run, counts for no side: The minister names its editor." in words


def test_a_report_is_dealt_with(desk: object, sessions: db.Sessions) -> None:
    assert "Nothing open" in desk.page("reports")
    with sessions.begin() as session:
        session.add(Report(story_id=1, reason="fact", words="It was 213 votes.", reported_at=MORNING))
    assert "It was 213 votes." in desk.page("reports")
    assert desk.submit("reports/1/resolve", "reports", reason="Corrected.").status_code == 303
    assert "Nothing open" in desk.page("reports")
    assert "It was 213 votes." in desk.page("reports?only=resolved")


def test_a_reader_is_found_and_their_mail_explained(desk: object, sessions: db.Sessions) -> None:
    _dispatched(desk, sessions)
    with sessions.begin() as session:
        delivery = session.scalars(select(Delivery).where(Delivery.subscriber_id == 1)).one()
        session.add(
            DeliveryEvent(provider="outbox", provider_event_id="1", delivery_id=delivery.id, kind="bounced", bounce="soft",
                          happened_at=MORNING, received_at=MORNING, reason="mailbox full")
        )  # fmt: skip
        session.add(LeftOut(issue_id=1, subscriber_id=2, reason="paused"))
        address = session.get_one(Subscriber, 1).address
    found = desk.submit("readers", "readers", address=address.upper())
    assert found.headers["Location"] == "/desk/readers/1"
    page = desk.page("readers/1")
    assert "outbox accepted the issue of 2026-03-02" in page
    assert "mailbox full" in page
    several = desk.submit("readers", "readers", address="example.com")
    assert several.text.count("@example.com</a>") == 2
    assert "0 readers" in desk.submit("readers", "readers", address="%%%").text
    assert "left out" in desk.page("readers/2")


def test_a_short_address_is_found_among_many_that_end_like_it(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for address in (*(f"a{n}.ann@example.com" for n in range(30)), "ann@example.com"):
            session.add(
                Subscriber(address=address, address_hash=address, person_hash=address, asked_at=MORNING)
            )
    assert desk.submit("readers", "readers", address="Ann@example.com").status_code == 303


@pytest.mark.parametrize("page", ["readers/{}", "stories/{}", "outbox?page={}", "issues/{}"])
def test_numbers_that_no_row_has_are_no_defect(desk: object, page: str) -> None:
    for number in (2**31, 2**63, 10**30):
        assert desk.get(page.format(number)).status_code in (200, 404)


@pytest.mark.parametrize("act", ["readers/{}/suppress", "feeds/{}/pause", "operators/signins/{}/end"])
def test_acts_on_numbers_that_no_row_has_are_no_defect(desk: object, act: str) -> None:
    fields = desk.fields("operators", "/desk/operators")
    for number in (2**31 - 1, 2**31, 10**30):
        assert desk.post(act.format(number), **fields, reason="gone").status_code in (404, 409)


def test_every_act_in_the_trail_has_words() -> None:
    source = "".join(path.read_text() for path in Path("newsletter").rglob("*.py"))
    acts = set(re.findall(r'act="([a-z_]+\.[a-z_]+)"', source))
    assert len(acts) > 10
    assert acts <= PHRASES.keys()


def test_searching_leaves_no_address_in_any_address_of_a_page(desk: object) -> None:
    assert 'method="post" action="/desk/readers"' in desk.page("readers")
    answer = desk.submit("readers", "readers", address="full.reader@example.com")
    assert "@" not in answer.headers["Location"]


def test_an_address_is_suppressed_and_let_go_again(desk: object, sessions: db.Sessions) -> None:
    assert desk.submit("readers/1/suppress", "readers/1", reason="").status_code == 409
    assert desk.submit("readers/1/suppress", "readers/1", reason="They asked by letter.").status_code == 303
    with db.reading(sessions) as session:
        known = session.get_one(Subscriber, 1).address_hash
        assert session.scalars(select(Suppression)).one().address_hash == known
    assert desk.submit("readers/1/release", "readers/1", reason="They wrote again.").status_code == 303
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression)).all() == []
        acts = session.scalars(select(AuditEntry.act).where(AuditEntry.about == "subscriber:1")).all()
    assert acts == ["subscriber.suppressed", "subscriber.released"]


def test_a_complaint_is_not_the_operators_to_take_back(desk: object, sessions: db.Sessions) -> None:
    fields = desk.fields("readers/1", "/desk/readers/1/suppress")
    with sessions.begin() as session:
        reader = session.get_one(Subscriber, 1)
        session.add(Suppression(address_hash=reader.address_hash, reason="complained", suppressed_at=MORNING))
    assert "/release" not in desk.page("readers/1")
    assert desk.post("readers/1/release", **fields, reason="please").status_code == 409
    with db.reading(sessions) as session:
        assert session.scalars(select(Suppression.reason)).all() == ["complained"]


def test_an_operator_is_let_in_by_mail(desk: object, sessions: db.Sessions) -> None:
    assert desk.submit("operators", "operators", address="New@Example.com", duty="editor").status_code == 303
    page = desk.page("operators")
    assert "new@example.com" in page
    assert desk.submit("operators", "operators", address="no address", duty="editor").status_code == 409


def test_growth_is_drawn_with_a_table_of_the_same_numbers(
    desk: object, sessions: db.Sessions, settings: object
) -> None:
    key = settings.SECRET_KEY.get_secret_value()
    with sessions.begin() as session:
        for number in range(5):
            address = f"r{number}@example.com"
            session.add(
                Subscriber(address=address, address_hash=address_hash(key, address), person_hash=address,
                           asked_at=MORNING - timedelta(days=3), confirmed_at=MORNING - timedelta(days=2))
            )  # fmt: skip
    page = desk.page("figures")
    comings = page[page.index('id="comings-h"') :]
    rows = dict(
        re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', comings[: comings.index("</table>")], re.S)
    )
    assert "7 asked" in comings  # the two of the sample day among them
    assert re.findall(r"<td>(\d+)</td>", rows["27 Feb"]) == ["5", "0", "0"]
    assert re.findall(r"<td>(\d+)</td>", rows["28 Feb"]) == ["0", "5", "0"]
    assert "r0@example.com" not in page


def test_a_plot_lies_inside_its_drawing_and_keeps_every_number() -> None:
    values = [0, 7, 1234, 3]
    drawn = plot(
        PlotText("k", "h", "c", "Day"),
        ["a", "b", "c", "d"],
        [Series("One", "a", values), Series("Two", "b", [1, 1, 1, 1])],
    )
    points = [tuple(map(float, p.split(","))) for line in drawn.points for p in line.split()]
    assert all(0 <= x <= 640 and 0 <= y <= 200 for x, y in points)
    assert min(y for _, y in points) == points[2][1]
    assert drawn.grid[-1][1] == "1,500"
    assert drawn.rows[::-1] == [(label, [f"{v:,}", "1"]) for label, v in zip("abcd", values, strict=True)]
    assert plot(PlotText("k", "h", "c", "Day"), [], [Series("One", "a", [])]).rows == []


def test_the_audit_trail_writes_names_as_people_signed(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for by in ("Ann McLee", "command line", "auto", "operator:1", "stripe"):
            session.add(AuditEntry(at=MORNING, by=by, act="issue.held", about="issue:2026-03-02"))
    page = " ".join(desk.page("audit").split())  # type: ignore[attr-defined]
    for name in ("Ann McLee", "Command line", "The machine", "Stripe"):
        assert name in page
    assert "operator:1" not in page.lower()


def test_runs_and_audit_are_paged(desk: object, sessions: db.Sessions) -> None:
    with sessions.begin() as session:
        for n in range(120):
            at = MORNING - timedelta(minutes=n)
            session.add(
                Run(
                    step="settle",
                    due_at=at - timedelta(days=1),
                    started_at=at - timedelta(days=1),
                    outcome="done",
                )
            )
            session.add(
                AuditEntry(at=at - timedelta(days=1), by="auto", act="issue.held", about=f"issue:{n}")
            )
    for path in ("runs", "audit"):
        assert "page=2" in desk.page(path)
        assert "Newer" in desk.page(f"{path}?page=3")
        assert "page=4" not in desk.page(f"{path}?page=3")
        assert desk.get(f"{path}?page=-1").status_code == 200
        assert desk.get(f"{path}?page=9e9").status_code == 200


def test_stories_show_their_coverage_and_where_they_stood(desk: object) -> None:
    page = desk.page("stories")
    with db.reading(desk.service.sessions) as session:
        lately = Story.last_published_at > MORNING - timedelta(days=4), Story.merged_into_id.is_(None)
        shown, there = len(session.scalars(select(Story).where(*lately)).all()), session.query(Story).count()
    assert page.count('class="lines__main"') == shown
    assert 8 < shown < there  # some are older than the page goes back
    assert page.count("placed 2 Mar") == len(desk.service.view(MORNING.date()).stories)


@pytest.fixture
def mailed(desk: object, sessions: db.Sessions) -> object:
    _dispatched(desk, sessions)
    return desk


def test_the_outbox_shows_what_was_mailed(mailed: object) -> None:
    names = re.findall(r'href="/desk/outbox/([^"]+)"', mailed.page("outbox"))
    assert len(names) == 2
    page = mailed.page(f"outbox/{names[0]}")
    assert "List-Unsubscribe" in page
    frame = mailed.get(f"outbox/{names[0]}/frame")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    file = mailed.get(f"outbox/{names[0]}/file")
    assert file.headers["Content-Type"] == "message/rfc822"
    assert file.headers["Content-Disposition"].startswith("attachment")
    assert file.get_data() == (mailed.service.settings.OUTBOX_DIR / names[0]).read_bytes()


@pytest.mark.parametrize(
    "name",
    ["../newsletter.db", "..%2fnewsletter.db", "%2e%2e%2fnewsletter.db", "..%5cnewsletter.db", "nothing.eml", ".hidden.eml",
     "delivery-1.eml%00", "%2fetc%2fpasswd", "link.eml", "folder.eml"],
)  # fmt: skip
def test_the_outbox_opens_its_own_files_and_no_other(mailed: object, name: str) -> None:
    folder = mailed.service.settings.OUTBOX_DIR
    if not (folder / "link.eml").is_symlink():
        (folder / "link.eml").symlink_to(folder.parent / "newsletter.db")
        (folder / "folder.eml").mkdir()
    for part in ("", "/frame", "/file"):
        answer = mailed.get(f"outbox/{name}{part}")
        assert answer.status_code in (404, 308), (part, answer.status_code)
        assert b"SQLite format" not in answer.get_data(), part


def test_the_outbox_is_not_there_when_a_provider_takes_the_mail(make_desk: Callable[..., object]) -> None:
    desk = make_desk(MAIL_PROVIDER="smtp", SMTP_URL=SecretStr("smtp://127.0.0.1:2525")).sign_in()
    assert "/desk/outbox" not in desk.page()
    for path in ("outbox", "outbox/delivery-1.eml", "outbox/delivery-1.eml/frame"):
        assert desk.get(path).status_code == 404


def test_each_figure_answers_the_question_that_is_its_heading(desk: object) -> None:
    desk.service.approve(MORNING.date(), by="test")
    desk.service.dispatch(MORNING.date())
    page = desk.page("figures")
    figures = re.findall(r"<figure.*?</figure>", page, re.S)
    assert len(figures) == 10
    for figure in figures:
        heading = re.search(r"<h3[^>]*>(.*?)</h3>", figure)
        assert heading
        assert heading[1].endswith("?")
        drawn = '<svg class="plot__lines' in figure and "<table" in figure
        assert drawn or "Nothing to draw yet." in figure, heading[1]
    assert sum("plot__answer" in figure for figure in figures) >= 8
    assert "@example.com" not in page.partition("deskfoot")[0]


def test_a_dispatch_is_followed_only_by_who_asks(desk: object, sessions: db.Sessions) -> None:
    desk.service.approve(MORNING.date(), by="test")
    desk.service.dispatch(MORNING.date(), limit=1)
    with sessions.begin() as session:
        session.execute(
            update(Delivery).where(Delivery.state == "accepted").values(state="uncertain", reason="cut")
        )
    still = desk.page(f"{ISSUE}/dispatch")
    assert 'http-equiv="refresh"' not in still
    assert "Why stop here?" in still
    assert "The provider has said nothing since." in still
    followed = desk.page(f"{ISSUE}/dispatch?follow=1")
    assert 'http-equiv="refresh" content="10"' in followed
    assert "Why stop here?" not in followed  # nothing that is typed may be lost by opening it anew
    assert "Stop following" in followed


@pytest.mark.parametrize("page", ["outlets", "stories", ""])
def test_years_of_articles_are_not_walked_for_a_page(desk: object, sessions: db.Sessions, page: str) -> None:
    asked: list[tuple[str, object]] = []
    engine = sessions.kw["bind"]
    listen(engine, "before_cursor_execute", lambda _c, _k, words, given, *_: asked.append((words, given)))
    desk.page(page)
    with engine.connect() as connection:
        for words, given in list(asked):
            if words.lstrip().startswith("SELECT"):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", given).all()
                assert not [
                    step
                    for *_, step in plan
                    if re.search(r"SCAN article\b(?!.*published)|\(story_id>\?\)", step)
                ], words


def test_the_last_entries_of_a_feed(desk: object) -> None:
    page = unescape(desk.page("outlets"))
    assert "Its last 5" in page
    assert "Rent cap clears Assembly in 212 to 198 vote" in page


def test_the_outlets_page_says_what_is_read_by_what_right_and_what_was_refused(
    desk, sessions: db.Sessions
) -> None:
    assert "No articles’ pages were read" in desk.page("outlets")
    with sessions.begin() as session:
        outlet = session.scalars(select(Outlet).order_by(Outlet.id)).first()
        session.execute(update(Outlet).where(Outlet.id == outlet.id).values(policy="page"))
        numbers = session.scalars(
            select(Article.id).where(Article.outlet_id == outlet.id).order_by(Article.id)
        ).all()
        assert len(numbers) >= 3
        said = (
            ("read", True, "Nothing forbids it.", timedelta(hours=1)),
            ("read", False, "Its header Content-Usage keeps it from models.", timedelta(hours=1)),
            ("refused", False, f"Its robots.txt forbids it.{HOSTILE}", timedelta(hours=1)),
            ("failed", False, "An old reason.", timedelta(days=8)),
        )
        for number, (verdict, models, reason, ago) in zip(numbers, said, strict=False):
            session.add(
                ArticlePage(
                    article_id=number,
                    fetched_at=MORNING - ago,
                    verdict=verdict,
                    reason=reason,
                    models_allowed=models,
                )
            )
        name = outlet.name
    page = desk.page("outlets")
    assert "15 outlets by feed alone, as the catalogue says." in page
    row = re.search(rf'<th scope="row">{re.escape(name)}</th>(.*?)</tr>', page, re.S)[1]
    assert re.findall(r"<td>(\d+)</td>", row) == ["2", "1", "1"]
    assert "Its robots.txt forbids it." in row
    assert "keeps it from models." in row
    assert "An old reason" not in page
    assert not any(raw in row for raw in RAW)
