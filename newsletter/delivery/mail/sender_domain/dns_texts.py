"""Asks the DNS for texts (TXT records)."""

from __future__ import annotations

from collections.abc import Callable

import dns.exception
import dns.resolver

# The texts at a name; none when there is no such name or no TXT record. Raises :class:`Unheard`.
AskTexts = Callable[[str], list[str]]


class Unheard(Exception):
    """The DNS gave no answer about a name; the sentence says why. Whether there is a record is not known."""


def asker(resolver: dns.resolver.Resolver) -> AskTexts:
    """Return what asks this resolver. Each answer, and each silence, is kept, so that a name is asked for once."""
    known: dict[str, list[str] | Unheard] = {}

    def ask(name: str) -> list[str]:
        if name not in known:
            try:
                known[name] = _texts(resolver, name)
            except Unheard as error:
                known[name] = error
        answer = known[name]
        if isinstance(answer, Unheard):
            raise answer
        return answer

    return ask


def _texts(resolver: dns.resolver.Resolver, name: str) -> list[str]:
    try:
        answer = resolver.resolve(name, "TXT", search=False)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.exception.Timeout:
        raise Unheard(f"the DNS gave no answer for {name} within {resolver.lifetime:g} s.") from None
    except dns.resolver.NoNameservers:
        raise Unheard(f"the DNS failed on {name} (SERVFAIL, or a record that cannot be followed).") from None
    except dns.exception.DNSException as error:
        raise Unheard(f"the DNS gave no answer for {name} ({type(error).__name__}).") from None
    return [b"".join(each.strings).decode("utf-8", "replace") for each in answer]
