"""Why a mail bounced, from the code and the words: gone mailboxes, and what is about us or passes."""

from __future__ import annotations

import pytest

from newsletter.delivery.providers.bounce_reasons import is_about_us, is_lasting

GONE = [
    ("5.1.1", ""),
    ("5.1.1", "550 5.1.1 <reader@example.com>... User unknown"),
    ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found"),
    ("5.1.2", "the domain takes no mail"),
    ("5.2.1", "550 5.2.1 This mailbox has been switched off"),
    ("5.0.0", "550 Unknown user reader@example.com"),
    ("5.0.0", "550 Sorry, no mailbox here by that name. (#5.1.1)"),
    ("", "550 No such user here"),
    ("", "554 delivery error: This user doesn't have a box at this house"),
    ("5.5.0", "550 the account reader@example.com has been closed"),
    ("5.0.0", "550 5.1.1 unknown in the relay recipient table"),
    ("5.1.1", "550 5.1.1 <full.of.spam@example.com>: user unknown"),  # the address is no reason
]
NOT_GONE = [
    ("4.4.7", "delivery time expired"),
    ("4.1.1", "450 user unknown"),
    ("5.0.0", "550 The IP 192.0.2.7 is on our block list; refused (S4711)"),
    ("5.1.1", "550 5.1.1 refused: 5.1.8.20 is blacklisted"),
    ("5.1.1", "550 5.1.1 mail from you is against our policy"),
    ("5.1.8", "550 5.1.8 <news@example.org>: address of the sender rejected: domain not found"),
    ("5.1.7", ""),
    ("5.2.1", "550-5.2.1 The user you write to is receiving mail at a rate that prevents more from coming."),
    ("5.2.2", "552 5.2.2 the box is full"),
    ("5.2.3", "552 5.2.3 larger than this mailbox takes"),
    ("5.0.0", "552 Requested mail action aborted: exceeded storage allocation"),
    ("5.3.4", "message too big for system"),
    ("5.3.0", "550 Unknown user, says the system behind us 5.3.0"),
    ("5.4.1", "550 5.4.1 access denied"),
    ("5.4.316", "550 5.4.316 Message expired, connection refused"),
    ("5.4.4", "no mail exchanger found"),
    ("5.6.1", "media not supported"),
    ("5.7.1", "550 5.7.1 user unknown to our filter"),
    ("5.7.26", "550 5.7.26 SPF did not pass"),
    ("5.0.0", "550 DMARC check failed"),
    ("5.1.1", "451 5.1.1 come back"),
    ("5.0.0", "550 5.7.1 refused"),  # the code within the words goes before a relay's
    ("5.0.0", "550 mailbox unavailable"),  # RFC 5321 says so of policy as well
    ("5.0.0", ""),
    ("", ""),
    ("5.x", "550 ..."),
]


@pytest.mark.parametrize(("status", "said"), GONE)
def test_a_mailbox_that_is_gone(status: str, said: str) -> None:
    assert is_lasting(status, said)
    assert not is_about_us(status, said)


@pytest.mark.parametrize(("status", "said"), NOT_GONE)
def test_what_is_about_us_or_passes_ends_no_reader(status: str, said: str) -> None:
    assert not is_lasting(status, said)
