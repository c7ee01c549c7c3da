"""Simulated readers, drawn from a seed. They act only through the site's pages and the links in their mail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from newsletter.lab.simulate.browser import Browser, Page
from newsletter.lab.simulate.mailboxes import Letter

# What each kind of reader does, and its share of all readers. Invented for load and variety, not measured.
KINDS: Final = {
    "stays": 0.33,  # free after the trial
    "pays": 0.22,
    "cancels": 0.06,  # pays, then no more
    "card fails": 0.04,  # pays, then the card fails; every other one repairs it
    "leaves": 0.08,
    "returns": 0.03,  # leaves, and signs up again
    "pauses": 0.05,
    "weekly": 0.04,
    "dies": 0.03,  # the mailbox is closed one day
    "fills": 0.01,  # the mailbox is full from one day on
    "complains": 0.02,
    "never confirms": 0.06,
    "erases": 0.03,
}
# Both hemispheres, half hours, and zones whose clocks change.
ZONES: Final = (
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "Europe/London",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
    "Pacific/Auckland",
    "UTC",
)
DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
TYPING: Final = timedelta(
    seconds=40
)  # between opening a form and sending it; a faster client is asked to press the button again

At = Callable[[datetime, Callable[[], None]], None]  # an act and its moment


@dataclass
class Away:
    """A period without mail. ``until`` is None while it lasts."""

    since: datetime
    until: datetime | None = None


@dataclass
class Pause:
    """A pause of mail chosen at ``since``; mail comes again on ``until``."""

    since: datetime
    until: date


@dataclass
class Reader:
    """One simulated reader and the record of what they did, kept without reading our tables."""

    number: int
    kind: str
    zone: str
    hour: int
    chance: Random
    browser: Browser
    at: At
    set_fate: Callable[[str, str], None]
    asked_at: datetime | None = None
    confirmed_at: datetime | None = None
    away: list[Away] = field(default_factory=list)
    pauses: list[Pause] = field(default_factory=list)
    weekly_since: datetime | None = None
    unreachable_since: datetime | None = None
    erased_at: datetime | None = None
    pays_since: datetime | None = None
    stopped_paying_at: datetime | None = None
    card_broken: bool = False
    account_visits: list[datetime] = field(
        default_factory=list
    )  # when they began to do something in their account
    account_visits_done: int = 0
    issues: int = 0
    stories_read: int = 0
    _after_signin: Callable[[datetime], None] | None = None  # what they do once signed in
    _unsubscribe_link: str = ""

    @property
    def address(self) -> str:
        return f"reader-{self.number}@mail.example"

    @property
    def left(self) -> bool:
        return bool(self.away) and self.away[-1].until is None

    # --- joining ---

    def ask(self, now: datetime) -> None:
        """Types the address into the landing page."""
        page = self.browser.open("/")
        form = page.form(having="address")
        self.at(now + TYPING, lambda: self._send_signup(page, form))
        self.asked_at = now

    def _send_signup(self, page: Page, form: object) -> None:
        self.browser.submit(page, form, address=self.address, hour=str(self.hour), zone=self.zone)

    def confirm(self, now: datetime, link: str) -> None:
        page = self.browser.open(link)
        self.browser.submit(page, page.form(ends=link.rpartition("/")[2]))
        if self.left:
            self.away[-1].until = now
        if self.confirmed_at is None:
            self.confirmed_at = now
            self._plan(now)

    def _plan(self, now: datetime) -> None:
        """What this kind of reader does with the weeks ahead."""

        def in_days(low: float, high: float, act: Callable[[datetime], None]) -> None:
            moment = now + DAY * self.chance.uniform(low, high)
            self.at(moment, lambda: self._signed_in(moment, act))

        match self.kind:
            case "pays":
                in_days(1, 6.5, self._pay)
            case "cancels":
                in_days(1, 6, self._pay)
                in_days(8, 14, self._cancel)
            case "card fails":
                in_days(1, 6, self._pay)
                in_days(8, 10, self._break_card)
            case "pauses":
                in_days(1, 3, self._pause)
            case "weekly":
                in_days(0.5, 2, self._go_weekly)
            case "erases":
                in_days(2, 6, self._erase)
            case "dies" | "fills" | "complains":
                moment = now + DAY * self.chance.uniform(1, 6)
                fate = {"dies": "dead", "fills": "full", "complains": "complains"}[self.kind]
                self.at(moment, lambda: self._set_fate(moment, fate))

    def _set_fate(self, now: datetime, fate: str) -> None:
        self.unreachable_since = now
        self.set_fate(self.address, fate)

    # --- mail ---

    def look_at(self, letter: Letter) -> None:
        """React to a mail."""
        soon = letter.at + MINUTE * self.chance.uniform(1, 9)
        links = letter.links
        if "confirm_url" in links and self.kind != "never confirms":
            self.at(soon, lambda: self.confirm(soon, links["confirm_url"]))
        elif "signin_url" in links and self._after_signin is not None:
            self.at(soon, lambda: self._sign_in(soon, links["signin_url"]))
        elif letter.is_issue:
            self.issues += 1
            self._unsubscribe_link = links["unsubscribe_url"]
            if self.kind in ("leaves", "returns") and not self.left and self.issues == 1 + self.number % 4:
                later = letter.at + timedelta(hours=self.chance.uniform(0.2, 8))
                self.at(later, lambda: self._unsubscribe(later))
            elif self.chance.random() < 0.1:
                self.at(soon, lambda: self._read())

    def _unsubscribe(self, now: datetime) -> None:
        """Unsubscribe by the page's button, or by the mail program's (RFC 8058)."""
        if self.chance.random() < 0.5:
            page = self.browser.open(self._unsubscribe_link)
            self.browser.submit(page, page.form(ends=self._unsubscribe_link.rpartition("/")[2]))
        else:
            self.browser.post(self._unsubscribe_link, **{"List-Unsubscribe": "One-Click"})
        self.away.append(Away(now))
        if self.kind == "returns":
            later = now + DAY * self.chance.uniform(1.5, 4)
            self.at(later, lambda: self.ask(later))

    def _read(self) -> None:
        """Read a Story of the latest Issue on the site."""
        archive = self.browser.open("/issues")
        issue = archive.link("/issues/2")
        story = self.browser.open(issue).link("/stories/") if issue else None
        if story is None:
            return
        page = self.browser.open(story)
        if counting := page.picture("/shown.svg"):
            self.browser.open(counting)
        self.stories_read += 1

    # --- the account ---

    def _signed_in(self, now: datetime, act: Callable[[datetime], None]) -> None:
        """Do ``act`` in the account; sign in first if necessary."""
        self.account_visits.append(now)
        if self.browser.open("/account").url.endswith("/account"):
            self._visit_account(now, act)
            return
        self._after_signin = act
        page = self.browser.open("/signin")
        form = page.form(having="address")
        self.at(now + TYPING, lambda: self._ask_for_link(page, form))

    def _ask_for_link(self, page: Page, form: object) -> None:
        self.browser.submit(page, form, address=self.address)

    def _sign_in(self, now: datetime, link: str) -> None:
        page = self.browser.open(link)
        self.browser.submit(page, page.form(ends=link.rpartition("/")[2]))
        act, self._after_signin = self._after_signin, None
        if act is not None:
            self._visit_account(now, act)

    def _visit_account(self, now: datetime, act: Callable[[datetime], None]) -> None:
        act(now)
        self.account_visits_done += 1

    def _pay(self, now: datetime) -> None:
        plan = self.browser.open("/checkout")
        offer = self.browser.submit(plan, plan.form(ends="/checkout"))
        self.browser.submit(offer, offer.form(button="pay"), button="pay")
        self.pays_since = self.pays_since or now

    def _cancel(self, now: datetime) -> None:
        plan = self.browser.open("/checkout")
        self.browser.submit(plan, plan.form(ends="/cancel"))
        self.stopped_paying_at = now

    def _break_card(self, now: datetime) -> None:
        portal = self._portal()
        self.browser.submit(portal, portal.form(button="fail"), button="fail")
        self.card_broken = True
        if self.number % 2:
            later = now + DAY * self.chance.uniform(1, 4)
            self.at(later, lambda: self._signed_in(later, self._repair_card))

    def _repair_card(self, now: datetime) -> None:
        portal = self._portal()
        self.browser.submit(portal, portal.form(button="pay"), button="pay")
        self.card_broken = False

    def _portal(self) -> Page:
        plan = self.browser.open("/checkout")
        return self.browser.submit(plan, plan.form(ends="/portal"))

    def _pause(self, now: datetime) -> None:
        today = now.astimezone(ZoneInfo(self.zone)).date()
        until = today + timedelta(days=self.chance.randint(2, 5))
        self._choose(paused_until=until.isoformat())
        self.pauses.append(Pause(now, until))

    def _go_weekly(self, now: datetime) -> None:
        self._choose(cadence="weekly")
        self.weekly_since = now

    def _choose(self, **preferences: str) -> None:
        page = self.browser.open("/account")
        self.browser.submit(page, page.form(having="cadence"), **preferences)

    def _erase(self, now: datetime) -> None:
        page = self.browser.open("/account")
        self.browser.submit(page, page.form(ends="/erase"), sure="yes")
        self.erased_at = now
