"""The values of a Notice's personal Slots: links for one person, signed when the mail is submitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from newsletter.db.models import Notice, Operator, Subscriber
from newsletter.links import Links
from newsletter.subscribers.operators import signin_link
from newsletter.subscribers.tokens import (
    CHECKOUT,
    CONFIRM,
    SIGNIN,
    UNSUBSCRIBE,
    Tokens,
    fresh_secret,
    subject_of,
)


def notice_slots(
    notice: Notice, person: Subscriber | Operator, tokens: Tokens, links: Links
) -> Mapping[str, str]:
    """Every Slot that a Notice's template may use, by name; a template uses those it needs.

    The links are made when the mail is submitted, so that they expire that long after it and not after the Notice was queued.
    """
    if isinstance(person, Operator):
        return {"signin_url": signin_link(person, tokens=tokens, links=links)}
    subject = subject_of(person.id, person.address_hash)
    return {
        "confirm_url": links.confirm(tokens.make(CONFIRM, subject)),
        "unsubscribe_url": links.unsubscribe(tokens.make(UNSUBSCRIBE, subject)),
        "account_url": links.account(),
        "checkout_url": links.checkout(tokens.make(CHECKOUT, subject)),
        # This link works once; the salt makes it differ from another one of the same second.
        "signin_url": links.signin(tokens.make(SIGNIN, f"{subject}.{fresh_secret()[:16]}")),
    }


def slots_for(tokens: Tokens, links: Links) -> Callable[[Notice, Subscriber | Operator], Mapping[str, str]]:
    """:func:`notice_slots` with ``tokens`` and ``links`` bound, for ``notices.run``, which must not import this package."""
    return lambda notice, person: notice_slots(notice, person, tokens, links)
