"""Bounces and complaints that come as mail, as real mail servers write them; accepted only with the reader's own link in them."""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter import db, log
from newsletter.db.models import Delivery, DeliveryEvent, Subscriber, Suppression
from newsletter.delivery import ledger, notices
from newsletter.delivery.providers.protocol import Outcome, Receipt
from newsletter.errors import NotFound
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.subscribers import bounce_reports, erasure
from newsletter.subscribers.tokens import UNSUBSCRIBE, Tokens, subject_of
from tests.delivery.mailing import MORNING, Postbox, Ticking, frozen_issue

LINKS = Links("https://news.example.com")
TOKENS = Tokens("a-key-for-the-tests-of-32-letters-or-more", clock=lambda: MORNING)
LATER = MORNING + timedelta(hours=1)

POSTFIX = """\
From: MAILER-DAEMON@mx.example.com (Mail Delivery System)
To: morning@news.example.com
Subject: Undelivered Mail Returned to Sender
Date: Mon, 02 Mar 2026 05:30:00 -0500
Message-ID: <{id}@mx.example.com>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.com
Arrival-Date: Mon,  2 Mar 2026 05:00:00 -0500 (EST)

Final-Recipient: rfc822; reader@example.com
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {said}

--b1
Content-Type: {how}

{headers}
--b1--
"""
ABUSE = """\
From: <fbl@mailbox.example.net>
Date: Mon, 02 Mar 2026 05:40:00 -0500
Message-ID: <{id}@mailbox.example.net>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b2"

--b2
Content-Type: text/plain

This is an email abuse report.

--b2
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: SomeGenerator/1.0
Version: 1

--b2
Content-Type: message/rfc822

{headers}

The text of the mail.
--b2--
"""


def returned(number: int, reader: int | None = None) -> str:
    """Our own header lines as a mail server returns them: folded where it likes."""
    subject = subject_of(reader or number, f"{reader or number:016d}")
    link = LINKS.unsubscribe(TOKENS.make(UNSUBSCRIBE, subject))
    return (
        f"From: Evenhand <morning@news.example.com>\nMessage-ID: <delivery.{number}@news.example.com>\n"
        f"List-Unsubscribe:\n\t<{link}>\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\nSubject: Bridge\n"
    )


def report(number: int, *, action="failed", status="5.1.1", said="550 5.1.1 <reader@example.com> no such user", how="text/rfc822-headers", headers: str | None = None, name: str = "") -> str:  # fmt: skip
    values = {"action": action, "status": status, "said": said, "how": how}
    return POSTFIX.format(id=name or f"dsn{number}", headers=headers or returned(number), **values)


@pytest.fixture
def mailbox(each_sessions, settings, tmp_path):
    issue_id = frozen_issue(each_sessions, settings, 9)
    with each_sessions.begin() as session:
        for row in session.scalars(select(Delivery)):
            row.address_hash = f"{row.subscriber_id:016d}" + "f" * 48
        session.flush()
        claimed = ledger.claim(session, issue_id, limit=9, now=MORNING)
        told = [
            Receipt(r.reference, Outcome.UNCERTAIN if r.delivery_id == 9 else Outcome.ACCEPTED)
            for r in claimed.rows
        ]
        ledger.record(session, claimed, told, now=MORNING, provider="smtp")
    folder = tmp_path / "Maildir"
    (folder / "new").mkdir(parents=True)

    def take(*mails: str) -> bounce_reports.BounceCounts:
        for n, mail in enumerate(mails):
            (folder / "new" / f"17624.{n}.mx").write_bytes(mail.replace("\n", "\r\n").encode())
        return bounce_reports.run(each_sessions, folder, tokens=TOKENS, links=LINKS, now=LATER)

    take.folder, take.sessions = folder, each_sessions
    return take


def _standing(mailbox) -> tuple[list, list]:
    with db.reading(mailbox.sessions) as session:
        events = session.scalars(select(DeliveryEvent).order_by(DeliveryEvent.delivery_id))
        gone = session.scalars(select(Suppression).order_by(Suppression.address_hash))
        return (
            [(e.delivery_id, e.kind, e.bounce) for e in events],
            [(int(s.address_hash[:16]), s.reason) for s in gone],
        )


def test_each_kind_of_report_does_what_the_webhook_would(mailbox) -> None:
    done = mailbox(
        report(1),
        report(2, status="4.4.7", said="delivery time expired"),
        report(3, status="5.2.2", said="552 5.2.2 mailbox full"),
        report(4, status="5.7.1", said="550 5.7.1 rejected by policy"),
        report(5, action="delayed", status="4.4.1"),
        report(6, how="message/rfc822", headers=returned(6) + "\nGood morning.\n"),
        ABUSE.format(id="arf7", headers=returned(7)),
        report(9, action="delivered", status="2.0.0"),
        "From: ann@example.com\nSubject: Thank you\n\nI like it.\n",
    )
    assert (done.mails, done.proven, done.unproven, done.others) == (9, 8, 0, 1)
    assert _standing(mailbox) == (
        [(1, "bounced", "hard"), (2, "bounced", "soft"), (3, "bounced", "soft"), (4, "bounced", "soft"),
         (5, "deferred", None), (6, "bounced", "hard"), (7, "complained", None), (9, "delivered", None)],
        [(1, "bounced"), (6, "bounced"), (7, "complained")],
    )  # fmt: skip
    with db.reading(mailbox.sessions) as session:
        event = session.scalars(select(DeliveryEvent).where(DeliveryEvent.delivery_id == 1)).one()
        assert "@" not in event.reason
        assert event.happened_at == MORNING + timedelta(minutes=30)
        assert session.get_one(Delivery, 9).state == "accepted"  # a report settles a doubt
    (left,) = (p for p in mailbox.folder.rglob("*") if p.is_file())
    assert "I like it" in left.read_text(), "people's mail is left for people, what was booked is gone"


def test_the_same_report_again_changes_nothing(mailbox) -> None:
    mailbox(report(1))
    before = _standing(mailbox)
    assert mailbox(report(1)).settled.known == 1
    assert _standing(mailbox) == before


@pytest.mark.parametrize(
    "forged",
    [
        report(1, headers=returned(1, reader=2)),  # another reader's own link
        report(1, headers=returned(1).replace("/unsubscribe/", "/unsubscribe/x")),
        report(1, headers=returned(1).replace("news.example.com/un", "evil.example.com/un")),
        report(77),
    ],
)
def test_a_forged_report_suppresses_nobody(mailbox, forged) -> None:
    done = mailbox(forged)
    assert (done.proven, done.unproven) == (0, 1)
    assert _standing(mailbox) == ([], [])


SOFT = {
    "block list": ("5.0.0", "550 The IP 192.0.2.9 of your server is on our block list (S4711)"),
    "sender": ("5.1.8", "550 5.1.8 <morning@news.example.com>: sender refused: domain not found"),
    "storage": ("5.0.0", "552 Requested mail action aborted: exceeded storage allocation"),
    "size": ("5.2.3", "552 5.2.3 larger than this mailbox takes"),
    "expired": ("5.4.316", "550 5.4.316 Message expired, connection refused"),
    "rate": ("5.2.1", "550-5.2.1 The user you write to is receiving mail at a rate that prevents more"),
    "spf": ("5.7.26", "550 5.7.26 the sender did not pass SPF"),
    "system": ("5.3.4", "552 5.3.4 too big for this system"),
    "content": ("5.6.0", "554 5.6.0 content not accepted"),
}


@pytest.mark.parametrize("kind", SOFT)
def test_a_bounce_that_is_about_us_or_passes_ends_no_reader(mailbox, kind) -> None:
    status, said = SOFT[kind]
    assert mailbox(report(3, status=status, said=said)).proven == 1
    assert _standing(mailbox) == ([(3, "bounced", "soft")], [])


def quoted(number: int) -> str:
    return "".join(f"> {line}\n" for line in returned(number).splitlines())


DAEMON = "Return-Path: <>\nFrom: MAILER-DAEMON@old.example.net\nSubject: {subject}\n"
QMAILISH = (
    DAEMON.format(subject="failure notice")
    + """
This is the post program of old.example.net. I gave up on the mail below.

<reader@example.com>:
No mailbox of that name lives here. (#5.1.1)

--- Here is a copy.

Return-Path: <morning@news.example.com>
"""
)
PLAIN = {
    "qmail": (QMAILISH + returned(4) + "\nGood morning.\n", "hard"),
    "qmail, full": (QMAILISH.replace("No mailbox of that name lives here. (#5.1.1)", "552 the box is full") + returned(4), "soft"),
    "exim": ("From: Mail Delivery System <mailer@mx.example.net>\nX-Failed-Recipients: reader@example.com\nSubject: It failed\n\n"
             "  reader@example.com\n    host mx2.example.com said after RCPT TO: 550 no such user\n\n" + returned(4), "hard"),
    "quoted": (DAEMON.format(subject="Undelivered mail") + "\nreader@example.com: 550 5.1.1 user unknown\n\n" + quoted(4), "hard"),
    "in its own language": ("Return-Path: <>\nFrom: postmaster@mx.example.fi\nSubject: Palautettu\n\n550 5.1.1 tuntematon\n\n" + returned(4), "hard"),
    "no reason": (DAEMON.format(subject="Returned mail") + "\nIt could not be handed over.\n\n" + returned(4), "soft"),
    "late": (DAEMON.format(subject="Delayed mail") + "\nreader@example.com: 451 4.4.1 nobody answers\n\n" + returned(4), None),
    "a part for the copy": (DAEMON.format(subject="failed") + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n550 no such user\n\n--b\n"
                            "Content-Type: message/rfc822\n\n" + returned(4) + "\nGood morning.\n--b--\n", "hard"),
    "copy at the head of a part": (DAEMON.format(subject="failed") + "Content-Type: multipart/mixed; boundary=b\n\n--b\n\n550 no such user\n\n--b\n"
                                   + returned(4) + "\nGood morning.\n--b--\n", "hard"),
    "base64": (DAEMON.format(subject="failed") + "Content-Transfer-Encoding: base64\n\n"
               + b64encode(f"550 5.1.1 no such user\n\n{returned(4)}".encode()).decode(), "hard"),
    "report in a mixed mail": (report(4).replace("multipart/report; report-type=delivery-status", "multipart/mixed"), "hard"),
    "answer on lines of its own": (report(4, said="550-no such account\n550-look at the address\n550 and think").replace(
        "Action: failed\nStatus: 5.1.1\n", "").replace("think\n", "think\nStatus: 5.1.1\nAction: failed\n"), "hard"),
    "a reason for people only": (report(4, status="5.0.0", said="").replace("I'm sorry", "reader@example.com: unknown user. Sorry"), "hard"),
    "no action": (report(4).replace("Action: failed\n", "").replace("I'm sorry", "reader@example.com: 550 5.1.1 gone. Sorry"), "hard"),
    "action with a comment": (report(4, action="failed (for good)"), "hard"),
}  # fmt: skip


@pytest.mark.parametrize("form", PLAIN)
def test_a_bounce_is_heard_in_whatever_form_it_comes(mailbox, form) -> None:
    mail, bounce = PLAIN[form]
    assert mailbox(mail).proven == 1
    kind = "bounced" if bounce else "deferred"
    assert _standing(mailbox) == ([(4, kind, bounce)], [(4, "bounced")] if bounce == "hard" else [])


def test_a_report_whose_relay_replaced_our_message_id_is_about_the_latest_copy(mailbox) -> None:
    changed = returned(4).replace("<delivery.4@news.example.com>", "<0100-77@relay.example.net>")
    assert mailbox(report(4, headers=changed)).proven == 1
    assert _standing(mailbox) == ([(4, "bounced", "hard")], [(4, "bounced")])
    forged = returned(5, reader=77).replace("<delivery.5@news.example.com>", "<0100-78@relay.example.net>")
    assert mailbox(report(5, headers=forged)).proven == 0


def test_who_opts_out_at_the_mailbox_provider_is_unsubscribed(mailbox) -> None:
    mailbox(
        ABUSE.format(id="arf7", headers=returned(7)).replace("Feedback-Type: abuse", "Feedback-Type: opt-out")
    )
    assert _standing(mailbox) == ([(7, "unsubscribed", None)], [(7, "unsubscribed")])


PEOPLE = {
    "an answer that quotes us": "From: Ann <ann@example.com>\nSubject: Re: Bridge\n\nNo such user as me! 550\n\n" + quoted(2),
    "away": "Return-Path: <>\nFrom: ann@example.com\nAuto-Submitted: auto-replied\nSubject: Away\n\nI cannot read it.\n\n" + quoted(2),
    "a postmaster who is a person": "From: Postmaster Pat <postmaster@example.com>\nSubject: Hello\n\nNice paper.\n",
}  # fmt: skip


@pytest.mark.parametrize("who", PEOPLE)
def test_people_and_their_machines_bounce_nothing(mailbox, who) -> None:
    done = mailbox(PEOPLE[who])
    assert (done.others, done.proven, done.unproven) == (1, 0, 0)
    assert _standing(mailbox) == ([], [])
    aged(mailbox.folder, 30)
    bounce_reports.run(
        mailbox.sessions, mailbox.folder, tokens=TOKENS, links=LINKS, now=LATER, include_seen=True
    )
    assert len(list((mailbox.folder / "new").iterdir())) == 1


UNREAD = {
    "it returns no unsubscribe link of ours, so nothing proves whose copy it is about": report(2, headers="Subject: Bridge\n"),
    "it does not say what happened": report(2, action="perhaps"),
    "it is about a mail to one person, not about an issue": report(2, headers=returned(2).replace("delivery.2@", "notice.2@")),
    "it is too large": report(2) + "x" * bounce_reports.LONGEST,
    "its parts are nested without end": "nested",
    bounce_reports.NOT_OURS: report(77),
}  # fmt: skip


@pytest.mark.parametrize("reason", UNREAD)
def test_what_cannot_be_booked_is_kept_and_says_why(mailbox, reason, capsys) -> None:
    log.configure(json=True)
    mail = nested(5_000) if UNREAD[reason] == "nested" else UNREAD[reason]
    done = mailbox(mail)
    assert (done.proven, dict(done.unread)) == (0, {reason: 1})
    (kept,) = bounce_reports.list_unread(
        mailbox.sessions, mailbox.folder, tokens=TOKENS, links=LINKS, now=LATER
    )
    assert (kept.name, kept.reason) == ("17624.0.mx:2,S", reason)
    assert bounce_reports.unread_file(mailbox.folder, kept.name)
    logged = capsys.readouterr().err
    assert reason in json.loads(logged.splitlines()[-1])["unread"]
    assert "@" not in logged


def test_only_reports_are_given_out_by_name(mailbox) -> None:
    mailbox(report(77))
    (mailbox.folder / "cur" / "letter").write_text(LETTER)
    (mailbox.folder / "secret").write_text(report(78))
    for name in ("letter", "../secret", "none", "", ".."):
        with pytest.raises(NotFound, match="no such bounce mail"):
            bounce_reports.unread_file(mailbox.folder, name)
    with pytest.raises(NotFound, match="no Maildir"):
        bounce_reports.list_unread(
            mailbox.sessions, mailbox.folder / "cur", tokens=TOKENS, links=LINKS, now=LATER
        )


LETTER = "From: reader@example.com\nSubject: Thank you\n\nI like it. reader@example.com\n"
ANSWER = "From: reader@example.com\nAuto-Submitted: auto-replied\nSubject: Away\n\nBack on Monday.\n"
OLD_STYLE = "Return-Path: <>\nSubject: failure notice\n\n<reader@example.com>: no mailbox here\n"


def aged(folder: Path, days: float) -> None:
    for path in (p for p in folder.rglob("*") if p.is_file()):
        at = (LATER - timedelta(days=days)).timestamp()
        os.utime(path, (at, at))


def test_a_report_without_proof_is_kept_a_week_for_people_to_look_at(mailbox) -> None:
    """About a reader who is gone, forged, or about a Notice: an address stands in it."""
    notice = report(2, headers=returned(2).replace("delivery.2@", "notice.2@"))
    mailbox(report(77), notice, LETTER, OLD_STYLE)
    run = partial(bounce_reports.run, mailbox.sessions, mailbox.folder, tokens=TOKENS, links=LINKS, now=LATER)
    for days, left in ((6.9, 4), (7.1, 2)):
        aged(mailbox.folder, days)
        run(include_seen=True)
        assert sum(p.is_file() for p in mailbox.folder.rglob("*")) == left, days
    said = "".join(p.read_text() for p in mailbox.folder.rglob("*") if p.is_file())
    assert "I like it" in said
    assert "failure notice" in said, "who knows what this is"


def test_a_report_that_a_mail_program_moved_is_booked_all_the_same(mailbox) -> None:
    (mailbox.folder / "cur").mkdir()
    (mailbox.folder / "cur" / "1.mx:2,S").write_text(report(1))
    assert mailbox().mails == 0
    done = bounce_reports.run(
        mailbox.sessions, mailbox.folder, tokens=TOKENS, links=LINKS, now=LATER, include_seen=True
    )
    assert (done.proven, _standing(mailbox)[1]) == (1, [(1, "bounced")])
    assert not [p for p in mailbox.folder.rglob("*") if p.is_file()]


def test_an_erasure_takes_what_machines_wrote_of_the_reader_and_leaves_letters(mailbox) -> None:
    packed = (
        report(77)
        .replace("reader@example.com", "x@example.com")
        .replace(
            "I'm sorry to have to inform you that your message could not be delivered.",
            b64encode(b"It was for Reader@Example.com").decode(),
        )
    )
    packed = packed.replace(
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Type: text/plain\nContent-Transfer-Encoding: base64",
    )
    others = report(78).replace("reader@example.com", "other@example.com")
    for n, mail in enumerate((report(76), packed, OLD_STYLE, ANSWER, LETTER, others)):
        (mailbox.folder / "new" / f"{n}.mx").write_text(mail)
    with mailbox.sessions.begin() as session:
        reader = session.get_one(Subscriber, 1)
        reader.address = "reader@example.com"
        session.flush()
        erasure.erase(session, reader, now=LATER, mailbox=mailbox.folder)
    assert sorted(p.name for p in (mailbox.folder / "new").iterdir()) == ["4.mx", "5.mx"]


def nested(depth: int) -> str:
    """A mail of parts in parts, so deep that the library cannot follow; anybody can send one."""
    parts = (f"--b{n}\nContent-Type: multipart/mixed; boundary=b{n + 1}\n\n" for n in range(depth))
    return "".join(
        ("Return-Path: <>\nContent-Type: multipart/report; boundary=b0\n\n", *parts, "reader@example.com")
    )


def test_a_mail_without_end_keeps_nobody_from_being_erased(mailbox) -> None:
    (mailbox.folder / "new" / "1.mx").write_text(nested(5_000))
    (mailbox.folder / "new" / "2.mx").write_text(report(76))
    with mailbox.sessions.begin() as session:
        reader = session.get_one(Subscriber, 1)
        reader.address = "reader@example.com"
        session.flush()
        erasure.erase(session, reader, now=LATER, mailbox=mailbox.folder)
    assert list((mailbox.folder / "new").iterdir()) == []


@pytest.mark.parametrize(
    "odd",
    [
        nested(5_000),
        re.sub(r"\nDate: .*", "\nDate: Fri, 31 Dec 9999 23:59:59 -2300", report(1)),
        "",
        "\x00\x01\n\n",
        report(1).replace("Action: failed", "Action: perhaps"),
        report(1, headers="Subject: none of ours\n"),
        report(1).replace("multipart/report", "multipart/mixed"),
        report(1).replace("--b1--", ""),
        report(1)[:600],
    ],
)
def test_odd_mail_breaks_nothing(mailbox, odd) -> None:
    mailbox(odd, report(2))
    assert (2, "bounced", "hard") in _standing(mailbox)[0]


def test_a_folder_that_is_no_maildir_is_said_so(mailbox, tmp_path) -> None:
    with pytest.raises(NotFound, match="no Maildir"):
        bounce_reports.run(mailbox.sessions, tmp_path, tokens=TOKENS, links=LINKS, now=LATER)


def test_a_mailbox_that_cannot_be_read_keeps_no_notice_from_going(mailbox, make_settings, tmp_path) -> None:
    clock = Ticking(LATER)
    settings = make_settings(BOUNCE_MAILDIR=tmp_path / "nowhere")
    postbox = Postbox()
    service = IssueService(settings, mailbox.sessions, clock, LINKS, TOKENS, postbox)
    with mailbox.sessions.begin() as session:
        notices.queue(session, "signin", key="s", due_at=LATER, subscriber_id=1)
    with pytest.raises(NotFound, match="no Maildir"):
        pipeline.settle_step(pipeline.Parts(service))
    assert list(postbox.taken) == ["reader1@example.com"]
