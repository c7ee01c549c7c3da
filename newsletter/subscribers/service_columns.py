"""Columns and statuses in the exports of other services, read as ours, and what they say against mailing somebody. Pure.

Sources: the export formats of Ghost, Substack, Mailchimp, beehiiv, listmonk and Buttondown. A status that is not listed here is never
taken as permission: its reader is imported without being confirmed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

# Their names of our columns. A name counts only where the header does not have our own name too.
OUR_NAMES: Final[Mapping[str, str]] = {
    "email": "address",
    "e-mail": "address",
    "email_address": "address",
    "subscriber_email": "address",
    "confirm_time": "consent_at",  # Mailchimp's second step of double opt-in
    "timezone": "zone",
    "time_zone": "zone",
}
# Of two statements about one reader the one further right counts; each but the first is the reason of a Suppression.
SEVERITY: Final = ("unsubscribed", "bounced", "complained", "operator", "erased")

_STATUS_COLUMNS: Final = (
    "status",
    "type",
    "subscriber_type",
    "subscription_status",
    "email_status",
    "suppressed",
)
_STATUSES: Final[Mapping[str, tuple[str, ...]]] = {
    "wanted": ("active", "subscribed", "enabled", "confirmed", "regular", "premium", "free", "paid", "comped", "gifted", "trialed", "past_due"),
    "unsubscribed": ("unsubscribed", "opted_out", "disabled", "inactive", "removed", "deleted", "archived"),
    "bounced": ("bounced", "cleaned", "undeliverable", "invalid"),
    "complained": ("complained", "spam", "marked_as_spam"),
    "operator": ("operator", "blocked", "blocklisted", "blacklisted", "suppressed", "spammy"),
    "erased": ("erased",),
}  # fmt: skip
_MEANING: Final = {word: meaning for meaning, words in _STATUSES.items() for word in words}
# Columns of yes and no: the answer that speaks against mailing, and what it means.
_FLAGS: Final[Mapping[str, tuple[bool, str]]] = {
    "subscribed_to_emails": (False, "unsubscribed"),
    "subscribed": (False, "unsubscribed"),
    "email_disabled": (True, "unsubscribed"),
    "unsubscribed": (True, "unsubscribed"),
    "opted_out": (True, "unsubscribed"),
    "opt_out": (True, "unsubscribed"),
    "bounced": (True, "bounced"),
    "complained": (True, "complained"),
    "blocked": (True, "operator"),
    "blocklisted": (True, "operator"),
    "paused": (True, "paused"),
}
_ANSWERS: Final = dict.fromkeys(("true", "yes", "1", "t", "y"), True) | dict.fromkeys(
    ("false", "no", "0", "f", "n"), False
)
# Columns of times: any value in one says that it happened.
_TIMES: Final[Mapping[str, str]] = {
    "unsub_time": "unsubscribed",
    "unsubscribed_on": "unsubscribed",
    "unsubscribe_date": "unsubscribed",
    "unsubscription_date": "unsubscribed",
    "deleted_at": "unsubscribed",
    "clean_time": "bounced",
    "bounced_at": "bounced",
    "complained_at": "complained",
    "blocked_at": "operator",
}
_NOTHING: Final = ("", "null", "none", "nil", "n/a")

COLUMNS: Final = frozenset((*_STATUS_COLUMNS, *_FLAGS, *_TIMES))


class Standing(NamedTuple):
    """What a line says against mailing its reader."""

    against: str = ""  # one of SEVERITY, or ""
    moment: str = ""  # when that happened, as written; "" when it is not said
    doubt: str = ""  # why the reader cannot be confirmed although nothing speaks against mailing them; or ""


def standing(cells: Mapping[str, str]) -> Standing:
    """What the cells of one line, by the plain names of their columns, say against mailing its reader."""
    said: list[tuple[str, str]] = []
    doubt = ""
    for name, cell in cells.items():
        word = "_".join(cell.lower().replace("-", " ").split())
        if word in _NOTHING:
            continue
        if name in _TIMES:
            said.append((_TIMES[name], cell))
            continue
        if name in _FLAGS:
            answer, meaning = _FLAGS[name]
            known = _ANSWERS.get(word)
            found = None if known is None else meaning if known is answer else "wanted"
        elif name in _STATUS_COLUMNS:
            found = _MEANING.get(word)
        else:
            continue
        if found in SEVERITY:
            said.append((str(found), ""))
        elif found != "wanted":
            doubt = doubt or f"{name} is {quoted(cell)}"
    if not said:
        return Standing(doubt=doubt)
    worst = max((against for against, _ in said), key=SEVERITY.index)
    return Standing(worst, next((at for against, at in said if against == worst and at), ""))


def quoted(cell: str) -> str:
    """A cell as the reason of a line may repeat it: short, printable, and no address."""
    return "no such word" if "@" in cell else repr(cell[:40])
