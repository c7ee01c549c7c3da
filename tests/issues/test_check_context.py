"""The Checks' context is the same from both databases, and drafts are fixed and restored on both."""

from __future__ import annotations

from sqlalchemy import select

from newsletter import clock, db
from newsletter.cli import invented_readers
from newsletter.db.models import Issue, Placement
from newsletter.delivery import providers
from newsletter.delivery.mail import sender_domain
from newsletter.feeds import sample
from newsletter.issues import quick_fixes, revisions
from newsletter.issues.checks import context
from newsletter.issues.service import IssueService
from newsletter.jobs import pipeline
from newsletter.links import Links
from newsletter.settings import Settings
from newsletter.subscribers.tokens import Tokens
from tests.conftest import MORNING
from tests.servers.dns_server import DnsServer


def test_check_context_is_read_on_both_databases(settings: Settings, each_sessions: db.Sessions) -> None:
    fixed = clock.fixed(MORNING)
    service = IssueService(
        settings,
        each_sessions,
        fixed,
        Links(settings.SITE_URL),
        Tokens(settings.SECRET_KEY.get_secret_value(), clock=fixed),
        providers.make(settings, now=fixed),
    )
    invented_readers.add_readers(each_sessions, settings, now=MORNING)
    parts = pipeline.Parts(service, sample.catalogue(), sample.fetcher(MORNING), is_sample=True)
    for step in ("gather", "group", "summarize", "compose", "check"):
        pipeline.run_step(parts, step, due_at=MORNING)
    day = MORNING.date()
    with db.reading(each_sessions) as session:
        issue = session.scalars(select(Issue)).one()
        view = service.view(day)
        found = context.check_context(session, issue, view, settings=settings, now=MORNING)
        before = [p.story_id for p in session.scalars(select(Placement).order_by(Placement.rank))]
    assert sum(a.outlets for a in found.answering) == 16
    assert not any(a.silent for a in found.answering)
    assert found.audience == 2
    assert set(found.articles) == set(before)
    assert {o.story_id for o in found.offered}.isdisjoint(before)
    other = found.offered[0].story_id
    service.edit(day, lambda s, i: quick_fixes.swap(s, i, before[0], other), by="test")
    service.edit(day, lambda s, i: quick_fixes.unlink(s, i, 1), by="test")
    service.edit(day, lambda s, i: revisions.go_back(s, i, 1), by="test")
    with db.reading(each_sessions) as session:
        placed = session.scalars(select(Placement).order_by(Placement.rank)).all()
        assert [(p.rank, p.story_id) for p in placed] == list(enumerate(before, start=1))
        assert [r.revision for r in revisions.listed(session, session.scalars(select(Issue)).one())] == [
            4,
            3,
            2,
            1,
        ]


def test_the_senders_domain_is_asked_of_a_real_dns() -> None:
    import dns.resolver

    settings = Settings(_env_file=None, MAIL_FROM="News <morning@news.example.org>")  # type: ignore[call-arg]
    with DnsServer() as server:
        server.records = {
            "news.example.org": ["v=spf1 a -all"],
            "s1._domainkey.news.example.org": ["k=rsa; p=MIGf"],
            "_dmarc.news.example.org": ["v=DMARC1; p=reject"],
        }
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers, resolver.port = ["127.0.0.1"], int(server.place.rpartition(":")[2])
        resolver.lifetime = 2.0
        assert sender_domain.look(settings, resolver)[0] == "pass"
        del server.records["_dmarc.news.example.org"]
        level, said = sender_domain.look(settings, resolver)
        assert (level, "DMARC" in said, "SPF" in said) == ("warn", True, False)
    resolver.lifetime = 0.2
    level, said = sender_domain.look(settings, resolver)
    assert (level, "could not be asked" in said) == ("warn", True)
