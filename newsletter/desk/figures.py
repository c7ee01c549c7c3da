"""The figures: plots of growth, mail, reading and money. Each answers the question in its heading. Only sums are shown.

Opens and clicks in mails are not tracked. The figures count what people do on purpose: confirm, read on, unsubscribe, pay, report,
and complain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate

from flask import Response, make_response, render_template
from sqlalchemy.orm import Session

from newsletter import db
from newsletter.billing import subscription_ledger
from newsletter.billing.revenue import Month
from newsletter.db.models import Subscriber
from newsletter.desk.background_counts import count_in_background
from newsletter.desk.guard import bp
from newsletter.desk.plots import Bars, Plot, PlotText, Series, bars, plot
from newsletter.desk.readers import readers_known
from newsletter.desk.times import today
from newsletter.formatting import number, percent, share, short_day, short_month
from newsletter.subscribers import metrics
from newsletter.subscribers.metrics import IssueCounts
from newsletter.web.services import services

DAYS, ISSUES, MONTHS = 30, 30, 12
REUSE_FACTOR = 60.0  # seconds for each second that counting took: half an hour for half a minute


@bp.get("/figures")
def figures() -> Response:
    with db.reading(services().sessions) as session:
        size = readers_known(session)
    shown = count_in_background("figures", _groups, size, reuse_factor=REUSE_FACTOR)
    return make_response(
        render_template("desk/figures.html", shown=shown, groups=shown.value if shown else ())
    )


def _groups(session: Session) -> tuple[tuple[str, str, list[Plot | Bars]], ...]:
    """Return all plots, in groups by subject."""
    issues, months = metrics.by_issue(session, ISSUES), _months(session)
    sold = not services().settings.is_free
    readers, reading, money = (
        growth(session),
        [reader_losses(issues)],
        [revenue(months), lost_subscriptions(months)],
    )
    if sold:
        readers.append(editions(issues))
        reading.append(metered_reading(session))
        money.insert(0, trials(months))
    groups: tuple[tuple[str, str, list[Plot | Bars]], ...] = (
        ("readers", "Readers", [*readers]),
        ("mail", "Mail", [arrival(issues), *mailboxes(session)]),
        ("reading", "What readers do", [*reading]),
        ("money", "Money", [*money]),
    )
    # What was sold before still comes in, or came in within the year.
    return groups if sold or any(m.paying or m.paid_cents for m in months) else groups[:-1]


def growth(session: Session) -> list[Plot]:
    """Plot the number of readers at the end of each of the last days, and the sign-ups and unsubscribes of each."""
    zone = services().settings.EDITION_TZ
    days = [today() - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    confirmed = metrics.per_day(session, Subscriber.confirmed_at, days, zone)
    unsubscribed = metrics.per_day(session, Subscriber.unsubscribed_at, days, zone)
    asked = metrics.per_day(session, Subscriber.asked_at, days, zone)
    before = metrics.readers_before(session, metrics.day_bounds(days, zone)[0])
    net = [c - w for c, w in zip(confirmed, unsubscribed, strict=True)]
    stock = list(accumulate(net, initial=before))[1:]
    change = stock[-1] - before
    labels = [short_day(d) for d in days]
    return [
        plot(
            PlotText(
                "growth",
                "Do we grow?",
                "Readers who confirmed and did not leave, at the end of each day. Who was erased since is not in it.",
                "Day",
                answer=f"{stock[-1]:,} readers, {_difference(change)} than {DAYS} days ago.",
            ),
            labels,
            [Series("Readers", "b", stock)],
        ),
        plot(
            PlotText(
                "comings",
                "Who comes, and who goes?",
                "People on each of the last 30 days.",
                "Day",
                answer=f"{sum(asked):,} asked, {sum(confirmed):,} confirmed ({share(sum(confirmed), sum(asked))}), {sum(unsubscribed):,} left.",
            ),
            labels,
            [
                Series("Asked", "a", asked),
                Series("Confirmed", "b", confirmed),
                Series("Unsubscribed", "c", unsubscribed),
            ],
        ),
    ]


def editions(issues: Sequence[IssueCounts]) -> Plot:
    """Plot the number of copies of the full and of the metered Rendition."""
    last = issues[-1] if issues else None
    return plot(
        PlotText(
            "editions",
            "Who gets everything?",
            "Copies of the full edition (trial and paying) and of the metered one, each issue.",
            "Issue",
            answer=f"{share(last.full, last.copies)} of the latest issue’s copies were the full edition."
            if last
            else "",
        ),
        [short_day(i.issued_on) for i in issues],
        [Series("Full", "b", [i.full for i in issues]), Series("Metered", "a", [i.metered for i in issues])],
    )


def arrival(issues: Sequence[IssueCounts]) -> Plot:
    """Plot the states of the copies of the last Issues."""

    def state(name: str) -> list[int]:
        return [i.states.get(name, 0) for i in issues]

    def reported(name: str) -> list[int]:
        return [i.heard.get(name, 0) for i in issues]

    last = issues[-1] if issues else None
    answer_start = (
        f"Of the latest issue {share(last.states.get('accepted', 0), last.copies)} was accepted"
        if last
        else ""
    )
    delivered = (
        f", and {share(last.heard.get('delivered', 0), last.copies)} reported delivered"
        if last and last.heard
        else ""
    )
    return plot(
        PlotText(
            "arrival",
            "Does the mail arrive?",
            "Copies of the last 30 issues. We submit, the provider accepts, the mailbox delivers. Not every provider reports deliveries.",
            "Issue",
            answer=f"{answer_start}{delivered}." if answer_start else "",
        ),
        [short_day(i.issued_on) for i in issues],
        [
            Series("Accepted", "b", state("accepted")),
            Series("Delivered", "a", reported("delivered")),
            Series("Bounced", "c", reported("bounced")),
            Series("Complained", "c", reported("complained")),
            Series("Failed", "c", state("failed")),
            Series("Uncertain", "c", state("uncertain")),
        ],
        drawn=2,
    )


def mailboxes(session: Session) -> list[Bars]:
    """Draw bars of the share of problems at each mailbox domain with the latest Issue."""
    latest = metrics.sent_issues(session, 1)
    lines = metrics.by_domain(session, latest[0].id) if latest else []
    shares = [(x.domain, 100 * x.problems / x.copies if x.copies else 0.0) for x in lines]
    worst = max(shares, key=lambda s: s[1], default=None)
    return [
        bars(
            PlotText(
                "mailboxes",
                "Which providers have delivery problems?",
                f"Copies of the latest issue that bounced, were complained about or were not accepted. Domains of fewer than "
                f"{metrics.MIN_DOMAIN_READERS} readers stand together.",
                "Domain",
                answer="None: every copy went well."
                if worst and not worst[1]
                else f"{worst[0]} most: {percent(worst[1])} went wrong."
                if worst
                else "",
            ),
            shares,
            ("Copies", "Accepted", "Bounced", "Complained", "Deferred"),
            [
                (x.domain, [number(n) for n in (x.copies, x.accepted, x.bounced, x.complained, x.deferred)])
                for x in lines
            ],
            say=percent,
        )
    ]


def reader_losses(issues: Sequence[IssueCounts]) -> Plot:
    """Plot unsubscribes, complaints and reports per thousand copies of each Issue."""
    last = issues[-1] if issues else None
    return plot(
        PlotText(
            "turning-away",
            "Does an issue drive readers away?",
            "Readers who left until the next issue, complaints, and reports of a fault, each per thousand copies. "
            "Mailboxes ask for fewer than 1 complaint in a thousand.",
            "Issue",
            answer=f"After the latest, {last.left:,} of {last.copies:,} left and {last.reports:,} reported a fault."
            if last
            else "",
        ),
        [short_day(i.issued_on) for i in issues],
        [
            Series("Unsubscribed", "b", [i.per_thousand(i.left) for i in issues]),
            Series("Complained", "c", [i.per_thousand(i.heard.get("complained", 0)) for i in issues]),
            Series("Reported a fault", "a", [i.per_thousand(i.reports) for i in issues]),
        ],
    )


def metered_reading(session: Session) -> Plot:
    """Plot the Reads of each day in the current month; older Reads are deleted."""
    days = [today().replace(day=n) for n in range(1, today().day + 1)]
    opened = metrics.reading(session, days, services().settings.EDITION_TZ)
    return plot(
        PlotText(
            "reading-on",
            "Do metered readers read on?",
            "Story pages opened by metered and signed-out readers since the month began; what was "
            "read before is forgotten. Trial and paying readers are not counted at all, and no opening of a mail is.",
            "Day",
            answer=f"{sum(opened):,} story pages this month.",
        ),
        [short_day(d) for d in days],
        [Series("Story pages", "b", opened)],
    )


def trials(months: Sequence[Month]) -> Plot:
    """Plot the Trials begun in each month, and those that a paid Subscription followed."""
    begun, paid = sum(m.trials for m in months), sum(m.converted for m in months)
    return plot(
        PlotText(
            "trials",
            "Do trials become subscriptions?",
            "Trials by the month they began in, and those that a paid subscription followed, whenever it did. The latest month’s "
            "have hardly had the time.",
            "Month",
            answer=f"{paid:,} of {begun:,} trials within a year ({share(paid, begun)}).",
        ),
        [short_month(m.first) for m in months],
        [
            Series("Trials begun", "a", [m.trials for m in months]),
            Series("Paid later", "b", [m.converted for m in months]),
        ],
    )


def revenue(months: Sequence[Month]) -> Plot:
    """Plot the monthly recurring revenue at the end of each month; the table shows its changes."""

    def units(cents: Sequence[int]) -> list[float]:
        return [c / 100 for c in cents]

    last = months[-1] if months else None
    return plot(
        PlotText(
            "revenue",
            "What comes in each month?",
            "Monthly recurring revenue at the end of each month, this month’s as of now. It is the month before’s, and new, and come "
            "back, less lost, and changed prices.",
            "Month",
            answer=f"{_money(last.mrr_cents / 100)} a month from {last.paying:,} subscriptions."
            if last
            else "",
        ),
        [short_month(m.first) for m in months],
        [
            Series("MRR", "b", units([m.mrr_cents for m in months])),
            Series("New", "a", units([m.new_cents for m in months])),
            Series("Come back", "a", units([m.back_cents for m in months])),
            Series("Lost", "c", units([m.lost_cents for m in months])),
            Series("Changed prices", "a", units([m.repriced_cents for m in months])),
            Series("Received", "a", units([m.paid_cents for m in months])),
            Series("Given back or disputed", "c", units([m.returned_cents for m in months])),
        ],
        drawn=1,
        say=_money,
    )


def lost_subscriptions(months: Sequence[Month]) -> Plot:
    """Plot the Subscriptions lost in each month, in percent of those that paid at its beginning."""
    last = months[-1] if months else None
    answer_start = (
        ""
        if last is None
        else f"{last.lost:,} this month"
        + (f" ({percent(100 * last.loss)})." if last.loss is not None else ".")
    )
    return plot(
        PlotText(
            "churn",
            "How many stop paying?",
            "Subscriptions lost in each month, in percent of those that paid when it began. A month that began with none has no share.",
            "Month",
            answer=answer_start,
        ),
        [short_month(m.first) for m in months],
        [Series("Lost", "b", [round(100 * (m.loss or 0), 1) for m in months])],
        say=percent,
    )


def _months(session: Session) -> Sequence[Month]:
    last = today()
    first = date(last.year - 1, last.month, 1) if MONTHS >= 12 else last
    return subscription_ledger.months(
        session, first=first, last=last, settings=services().settings, now=services().now()
    )[-MONTHS:]


def _money(value: float) -> str:
    """Return an amount with the currency as in ``PRICE``: "$1,205", "12.50 €"."""
    number = f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"
    price = services().settings.PRICE
    written = re.search(r"\d[\d.,]*", price)
    return f"{price[: written.start()]}{number}{price[written.end() :]}" if written else number


def _difference(count: int) -> str:
    """Return a difference in words: "12 more", "3 fewer"."""
    return f"{count:,} more" if count >= 0 else f"{-count:,} fewer"
