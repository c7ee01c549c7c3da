"""Decides why a mail bounced, from a mail server's status code and words: is the mailbox gone, or is it about us, or will it pass? Pure.

A server's "permanent" says only that this mail will not be tried again. A mailbox counts as gone when the enhanced status code
(RFC 3463, RFC 7505 and IANA's registry) says so, or when the words do and the code leaves it open; whatever names a block list, a
policy, a limit or a time is about us or passes. The words are those of common mail servers (Postfix, Exim, Exchange, Gmail, Yahoo),
chosen by hand; docs/measured.md says how they do on a public set of bounce mails.
"""

from __future__ import annotations

import re
from typing import Final

CODE: Final = re.compile(r"(?<![\w.])([245])\.(\d{1,3})\.(\d{1,3})(?![\w]|\.\d)")  # not within an IP address
REPLY: Final = re.compile(r"(?<![\w.])([45]\d\d)(?=[ \-#:])")  # an SMTP reply code (RFC 5321)
_ADDRESS: Final = re.compile(r"[^\s<>\"'@]{1,64}@[^\s<>\"'@]{1,255}")
# The mailbox or its domain does not exist (1–3, 6, 10 of subject 1), or it is switched off (2.1).
_GONE: Final = frozenset({"1.1", "1.2", "1.3", "1.6", "1.10", "2.1"})
# "Other" of the whole, of addresses, of mailboxes and of the protocol: the code leaves it open, and only the words say more.
_OPEN: Final = re.compile(r"0\.\d+|1\.0|2\.0|5\.\d+")
_STORAGE: Final = "552"  # RFC 5321: exceeded storage allocation
_GONE_WORDS: Final = re.compile(
    r"""
    \b(?:user(?:name|id)?|recipient|mailbox|address|addressee|account|alias|customer)\b [^.;]{0,40}?
      \b(?:unknown | not\ (?:found|known|exist|listed|valid|recogni[sz]ed|registered|defined) | does\ not\ exist | doesn't\ exist | could\ ?n[o']t\ be\ found
        | (?:does\ not|doesn't)\ have | is\ ?n[o']t\ (?:known|valid|a\ known|a\ valid) | no\ longer | invalid | inactive | not\ active
        | disabled | suspended | closed | deactivated | discontinued | unrouteable)\b
    | \b(?:unknown|invalid|non-?existent|unrouteable|illegal|bad|inactive|disabled)\ (?:\w+\ ){0,2}?
      (?:user|recipient|mailbox|address|account|alias|local[ -]part)\b
    | \bno\ (?:such\ )?(?:user|person|mailbox|account|recipient|address|alias)\b | \bnot\ (?:our|a)\ (?:customer|valid\ user)\b
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ABOUT_US: Final = re.compile(
    r"""
    block | black\ ?list | deny\ ?list | \b(?:dns)?[rd]?bl\b | \blisted\ (?:in|on|at|by)\ (?!public) | reputation | spam | junk | bulk | virus | malware
    | polic(?:y|ies) | complian | content | \bspf\b | \bdkim\b | \bdmarc\b | authenticat | \bptr\b | reverse\ dns | \bhelo\b | \behlo\b
    | \bsender | \bfrom\ (?:address|domain|header) | relay(?:ing)?\ (?:access\ )?(?:denied|not|prohibit) | not\ (?:permitted|allowed)\ to\ relay
    | \brate\b | too\ (?:many|fast|much|large|big|often) | throttl | frequen | \blimits? | exceed | quota | \bfull\b
    | storage | \bspace\b | \bsize\b | expired | tim(?:ed?|ing)[ -]?out | tempor | later\b | retry | grey ?list | gr[ae]ylist | busy | loop | hops?\b
    """,
    re.IGNORECASE | re.VERBOSE,
)


def is_lasting(status: str, said: str) -> bool:
    """Return whether no later mail will reach this mailbox: the bounce is hard. ``status`` as in ``Status:``, ``said`` the server's words.

    A code within the words goes before ``status``, which a relay in between derived from them or made up.
    """
    if is_about_us(status, said):
        return False
    words = _without_addresses(said)
    return any(detail in _GONE for _, detail in _codes(status, words)) or bool(_GONE_WORDS.search(words))


def is_about_us(status: str, said: str) -> bool:
    """Return whether the code or the words say that it is about our mail or our server, or that it will pass."""
    words = _without_addresses(said)
    if any(reply.startswith("4") or reply == _STORAGE for reply in REPLY.findall(words)):
        return True
    codes = _codes(status, words)
    return bool(_ABOUT_US.search(words)) or any(
        kind == "4" or not (detail in _GONE or _OPEN.fullmatch(detail)) for kind, detail in codes
    )


def _codes(status: str, words: str) -> list[tuple[str, str]]:
    """Return the enhanced status codes as their class and the rest, "5" and "1.1"."""
    found = [m.groups() for m in CODE.finditer(words)] or [m.groups() for m in CODE.finditer(status)]
    return [(kind, f"{int(subject)}.{int(detail)}") for kind, subject, detail in found]


def _without_addresses(said: str) -> str:
    """Return the words on one line, without addresses: their names could read as reasons."""
    return _ADDRESS.sub("", " ".join(said.split()))
