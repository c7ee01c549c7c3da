"""``doctor``: checks that mail from this Sender will be trusted, and that everything the service depends on answers."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import click
import dns.exception
import dns.resolver
from cryptography.hazmat.primitives import serialization

from newsletter import clock, db
from newsletter.billing import processors, subscriptions
from newsletter.cli import opening
from newsletter.delivery import providers
from newsletter.delivery.mail import sender_domain
from newsletter.errors import DatabaseError, Refused, SettingsError
from newsletter.feeds.fetcher import FetchError, PoliteFetcher
from newsletter.formatting import counted
from newsletter.settings import Settings

PATIENCE = 5.0  # seconds for one question to the DNS or one connection


@dataclass(frozen=True)
class Examined:
    """One thing examined: whether it is well, and a sentence that says so."""

    name: str
    is_well: bool
    said: str


@click.command()
@click.option(
    "--selector",
    "selectors",
    multiple=True,
    help="A DKIM selector to look for; DKIM_SELECTOR by default, or else s1 and s2.",
)
@click.option(
    "--dns", "nameserver", metavar="IP:PORT", help="Ask this DNS server instead of the machine's own."
)
@click.option(
    "--mail",
    "mail",
    type=click.File("rb"),
    help="The source of a mail that arrived: judge its signatures, alignment and one-click unsubscribe too.",
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON.")
def doctor(selectors: tuple[str, ...], nameserver: str | None, mail: BinaryIO | None, as_json: bool) -> None:
    """Check DNS records, settings, database, mail provider, webhook key and payments. Logs in for real, and sends nothing."""
    settings = opening.open_settings()
    resolver = _resolver(nameserver)
    found = list(_examine(settings, selectors, resolver))
    if mail is not None:
        arrived = sender_domain.arrived.records(mail.read(), sender_domain.asker(resolver))
        found += [Examined(each.name, each.is_well, each.said) for each in arrived]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found]))
    else:
        for each in found:
            click.echo(f"{'well ' if each.is_well else 'FAULT'}  {each.name}: {each.said}")
    if faults := sum(not each.is_well for each in found):
        raise Refused(f"{faults} of {len(found)} examined are not well.")


def _resolver(nameserver: str | None) -> dns.resolver.Resolver:
    if nameserver is None:
        try:
            resolver = dns.resolver.Resolver()
        except dns.resolver.NoResolverConfiguration:
            raise Refused("This machine has no DNS server configured; name one with --dns.") from None
    else:
        resolver = dns.resolver.Resolver(configure=False)
        host, _, port = nameserver.rpartition(":")
        try:
            resolver.nameservers = [host]
            resolver.port = int(port)
        except ValueError:
            raise click.BadParameter("must be IP:PORT, such as 9.9.9.9:53", param_hint="--dns") from None
    resolver.lifetime = PATIENCE
    return resolver


def _examine(
    settings: Settings, selectors: tuple[str, ...], resolver: dns.resolver.Resolver
) -> Iterator[Examined]:
    unsafe = settings.unsafe()
    yield Examined("settings", not unsafe, "; ".join(unsafe) + "." if unsafe else "fit for production.")
    yield _database(settings)
    yield _provider(settings)
    if providers.registered(settings).checks_login:
        yield _login(settings)
    if settings.is_free:
        yield _nothing_sold(settings)
    elif settings.STRIPE_API_KEY.get_secret_value():
        yield _payments(settings)
    if providers.registered(settings).reports_events:
        yield _events(settings)
    ask = sender_domain.asker(resolver)
    own = providers.registered(settings).own_return_path
    how = sender_domain.signing(settings, selectors=selectors, own_return_path=own)
    for domain, setting in sender_domain.senders(settings).items():
        of = "" if setting == "MAIL_FROM" else f" ({setting})"
        for each in sender_domain.records(domain, how, ask):
            yield Examined(f"{each.name}{of}", each.is_well, each.said)
            if each.name == "DKIM" and settings.DKIM_KEY_FILE is not None:
                place = f"{how.selectors[0]}._domainkey.{domain}"
                compared = _dkim_key(resolver, settings.DKIM_KEY_FILE, place)
                yield Examined(f"{compared.name}{of}", compared.is_well, compared.said)
    yield from _logo(settings, ask)


def _logo(settings: Settings, ask: sender_domain.AskTexts) -> Iterator[Examined]:
    """BIMI of the Sender of Issues, and its certificate when the record names one."""
    domain = next(iter(sender_domain.senders(settings)))
    record, certificate = sender_domain.bimi.record(domain, ask)
    yield Examined(record.name, record.is_well, record.said)
    if not certificate:
        return
    try:
        with PoliteFetcher(settings, deadline=PATIENCE, accept="*/*") as fetch:
            mark = sender_domain.bimi.mark(fetch(certificate).body, now=clock.system())
    except FetchError as error:
        yield Examined("BIMI certificate", False, f"{certificate} cannot be read. {error}")
        return
    yield Examined(mark.name, mark.is_well, mark.said)


def _dkim_key(resolver: dns.resolver.Resolver, file: Path, place: str) -> Examined:
    """Return whether the DKIM key that we sign with belongs to the public key in the DNS."""
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), None)
        public = key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        shown = b"".join(part for each in resolver.resolve(place, "TXT") for part in each.strings).decode()
    except dns.exception.DNSException as error:
        return Examined("DKIM key", False, f"{place} could not be compared ({type(error).__name__}).")
    except (OSError, ValueError, TypeError, UnicodeError) as error:
        return Examined("DKIM key", False, f"DKIM_KEY_FILE cannot be used ({type(error).__name__}).")
    same = base64.b64encode(public).decode() in "".join(shown.split())
    said = "is the one of" if same else "is not the one of"
    return Examined("DKIM key", same, f"the key in DKIM_KEY_FILE {said} {place}.")


def _database(settings: Settings) -> Examined:
    try:
        opening.open_database(settings).dispose()
    except DatabaseError as error:
        return Examined("database", False, str(error))
    return Examined("database", True, "reachable and up to date.")


def _provider(settings: Settings) -> Examined:
    """Return whether the provider's port accepts a connection. Nothing is sent, not even a key."""
    provider = providers.registered(settings)
    try:
        place = provider.server(settings)
        if place is None:
            return Examined("provider", True, f"{provider.title}, which mails nobody.")
        socket.create_connection(place, timeout=PATIENCE).close()
    except (OSError, ValueError, SettingsError) as error:
        return Examined("provider", False, f"{provider.name} cannot be reached ({type(error).__name__}).")
    return Examined("provider", True, f"{provider.name} takes connections at {place[0]}:{place[1]}.")


def _login(settings: Settings) -> Examined:
    """Return whether the provider accepts our key or password. This logs in and sends nothing."""
    provider = providers.registered(settings)
    try:
        problem = provider.refused_because(settings)
    except SettingsError as error:
        problem = str(error)
    return Examined("login", problem is None, problem or f"{provider.title} lets us in.")


def _payments(settings: Settings) -> Examined:
    """Return whether Stripe accepts our key, and charges what PRICE says."""
    problem = processors.price_problem(settings)
    return Examined("payments", problem is None, problem or f"Stripe charges {settings.PRICE} a month.")


def _nothing_sold(settings: Settings) -> Examined:
    """Whether nobody is charged any more, where PRICE is empty."""
    try:
        engine = opening.open_database(settings)
    except DatabaseError:  # said by another
        return Examined("payments", True, "nothing is sold: PRICE is empty.")
    with db.reading(db.make_sessions(engine)) as session:
        charged = subscriptions.readers_charged(session)
    engine.dispose()
    if not charged:
        return Examined("payments", True, "nothing is sold: PRICE is empty; nobody is charged.")
    how = "" if settings.has_checkout else " Set STRIPE_API_KEY, so that they can end it here."
    who = counted(charged, "reader is", "readers are")
    return Examined("payments", False, f"PRICE is empty, and {who} still charged.{how}")


def _events(settings: Settings) -> Examined:
    """Return whether the signatures of the provider's events can be verified."""
    problem = providers.registered(settings).events_problem(settings)
    said = (
        f"{problem} No event can be believed." if problem else "the events of the provider can be verified."
    )
    return Examined("webhook key", problem is None, said)
