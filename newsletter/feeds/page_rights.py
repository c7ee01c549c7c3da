"""Decide whether an article's page may be read, and whether models may get its text. Pure.

Sources: robots.txt (RFC 9309), Content-Usage (IETF draft aipref-attach) and Content-Signal (contentsignals.org) in it and in
headers, RSL 1.0 licences (rslstandard.org/rsl), TDM Reservation Protocol (W3C, tdmrep), X-Robots-Tag and the meta element
"robots". We train no model, so signals about training alone are ignored. A reservation of text and data mining forbids all reading
by a machine. When signals differ, the strictest applies.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from lxml import etree
from protego import Protego

LARGEST_RULES = 512 * 1024  # bytes of a robots.txt, tdmrep.json or licence; RFC 9309 asks to read 500 KiB
RSL_NAMESPACE = "https://rslstandard.org/rsl"
RSL_KIND = "application/rsl+xml"  # media type of a licence
SIGNAL_HEADERS = (
    "x-robots-tag",
    "content-usage",
    "content-signal",
    "tdm-reservation",
    "link",
)
_AI_INPUT = frozenset(
    {"ai-input", "ai-use", "ai-output", "ai"}
)  # names of giving a text to a model that answers
_ALL_MACHINES = frozenset({"bots", "automated", "all"})
_WITH_VALUE = frozenset(
    {"max-snippet", "max-image-preview", "max-video-preview", "unavailable_after"}
)  # robots directives


class Use(StrEnum):
    """What may be done with an article's page."""

    READ = "read"
    WITHOUT_MODELS = "without_models"
    REFUSED = "refused"


@dataclass(frozen=True)
class Right:
    """A decision. ``reason`` is one sentence for the desk: why the page may be read, or why not."""

    use: Use
    reason: str


@dataclass(frozen=True)
class SiteRules:
    """The rules of a site for all its pages, as received. Without an answer ``robots_status`` is None and ``error`` the reason."""

    robots_status: int | None
    robots: str = ""
    error: str = ""
    tdmrep: str = ""  # /.well-known/tdmrep.json; empty when there is none
    licences: tuple[str, ...] = ()  # RSL documents that robots.txt names
    missing_licence: str = ""  # address of one that could not be fetched


@dataclass(frozen=True)
class PageSignals:
    """The signals of a page. Names of headers and meta elements are in lower case."""

    headers: tuple[tuple[str, str], ...] = ()
    metas: tuple[tuple[str, str], ...] = ()
    licence_link: str = ""  # address of an RSL document, perhaps relative, as the page has it
    licences: tuple[str, ...] = ()  # RSL documents inside the page or linked from it
    missing_licence: str = ""


def right_to_read(
    url: str,
    site: SiteRules,
    *,
    agent: str,
    policy: str = "page",
    reading: str = "allowed",
    feed_licences: tuple[str, ...] = (),
    page: PageSignals | None = None,
) -> Right:
    """Return whether the page at ``url`` may be read by ``agent``, the product token of our User-Agent.

    ``policy`` is the catalogue's, ``reading`` the setting READ_PAGES. Without ``page``, the result is for
    fetching the page; with it, for storing its text. The strictest of all signals decides.
    """
    if reading == "off":
        return Right(Use.REFUSED, "Reading pages is switched off (READ_PAGES=off).")
    if policy != "page":
        return Right(Use.REFUSED, 'The catalogue allows its feeds only (policy = "feed").')
    found = Right(Use.READ, "Nothing forbids it: robots.txt, licences and the page were asked.")
    for said in _decisions(url, site, agent, feed_licences, page):
        if said.use is Use.REFUSED:
            return said
        if said.use is Use.WITHOUT_MODELS and found.use is Use.READ:
            found = said
    return found


def crawl_delay(site: SiteRules, agent: str) -> float | None:
    """Return the seconds between two requests that robots.txt asks for, or None."""
    return _parsed(site.robots).crawl_delay(agent) if site.robots else None


def licence_addresses(robots: str) -> list[str]:
    """Return the addresses of all RSL licences that robots.txt names, also those for other agents, which may only be stricter."""
    return [value for field, value in _fields(robots) if field == "license" and value]


def licence_in_feed(document: bytes) -> str:
    """Return the RSL terms in a feed's document as one RSL document, or an empty string."""
    if RSL_NAMESPACE.encode() not in document:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(document, parser)
    except (etree.LxmlError, ValueError):
        root = None
    found = [] if root is None else list(root.iter(f"{{{RSL_NAMESPACE}}}content"))
    terms = b"".join(etree.tostring(one, with_tail=False) for one in found)[:LARGEST_RULES]
    return f'<rsl xmlns="{RSL_NAMESPACE}">{terms.decode()}</rsl>'


def linked_licence(page: PageSignals) -> str:
    """Return the address of the licence that the page or its Link header names, or an empty string."""
    if page.licence_link:
        return page.licence_link
    for name, value in page.headers:
        for target, parameters in re.findall(r"<([^>]{1,2000})>([^,<]*)", value) if name == "link" else ():
            if re.search(r"rel=\"?license\b", parameters) and RSL_KIND in parameters:
                return str(target)
    return ""


def page_signals(tree: Any, headers: Iterable[tuple[str, str]] = ()) -> PageSignals:
    """Return the signals of a parsed page (an lxml element) and of its headers."""
    metas = [
        (str(m.get("name") or m.get("property")).lower(), str(m.get("content") or ""))
        for m in tree.xpath("//meta[@name or @property]")
    ]
    inline = tree.xpath("//script[@type=$kind]/text()", kind=RSL_KIND)
    link = tree.xpath("string(//link[@rel='license' and @type=$kind][1]/@href)", kind=RSL_KIND)
    return PageSignals(tuple(headers), tuple(metas), str(link), tuple(map(str, inline)))


def _decisions(
    url: str, site: SiteRules, agent: str, feed_licences: tuple[str, ...], page: PageSignals | None
) -> Iterator[Right]:
    """Yield the decision of each signal."""
    yield from _robots(url, site, agent)
    yield from _tdmrep(url, site.tdmrep)
    page = page or PageSignals()
    for missing in filter(None, (site.missing_licence, page.missing_licence)):
        yield Right(Use.REFUSED, f"Its licence could not be read ({missing[:200]}).")
    for where, licences in (("robots.txt", site.licences), ("feed", feed_licences), ("page", page.licences)):
        for licence in licences:
            yield from _licence(url, licence, where)
    for name, value in page.headers:
        if name in ("content-usage", "content-signal"):
            yield from _usage(_preferences(value), f"header {name.title()}")
        elif name == "x-robots-tag":
            yield from _directives(_directives_for(value, agent), "header X-Robots-Tag")
        elif name == "tdm-reservation":
            yield from _reserved(value, "header tdm-reservation")
    for name, value in page.metas:
        if name in ("robots", agent.lower()):
            yield from _directives(re.split(r"\s*,\s*", value.strip().lower()), f'meta element "{name}"')
        elif name == "tdm-reservation":
            yield from _reserved(value, "meta element tdm-reservation")


# --- robots.txt ---


def _robots(url: str, site: SiteRules, agent: str) -> Iterator[Right]:
    status = site.robots_status
    if status is None:
        yield Right(Use.REFUSED, f"Its robots.txt could not be read: {site.error}")
    elif status == 429 or status >= 500:
        yield Right(Use.REFUSED, f"Its robots.txt answers with status {status}.")
    elif status == 200:  # 4xx: there is none, and nothing is forbidden
        if not _parsed(site.robots).can_fetch(url, agent):
            yield Right(Use.REFUSED, "Its robots.txt forbids it.")
        for name in sorted(_named_usages(site.robots) & (_AI_INPUT | _ALL_MACHINES)):
            if not _parsed(_as_rules(site.robots, name)).can_fetch(url, agent):
                yield from _usage({name: False}, "robots.txt")


@lru_cache(maxsize=256)
def _parsed(robots: str) -> Protego:
    return Protego.parse(robots)


def _fields(robots: str) -> Iterator[tuple[str, str]]:
    """Yield the lower-case name and the value of each line."""
    for line in robots.splitlines():
        name, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield name.strip().lower(), value.strip()


def _named_usages(robots: str) -> set[str]:
    """Return the usages that a robots.txt allows or forbids anywhere."""
    return {
        name
        for field, value in _fields(robots)
        if field in ("content-usage", "content-signal")
        for name in _preferences(value)
    }


@lru_cache(maxsize=256)
def _as_rules(robots: str, name: str) -> str:
    """Return a robots.txt with the same groups that forbids the paths for which ``robots`` forbids the usage ``name``."""
    lines = []
    for field, value in _fields(robots):
        if field == "user-agent":
            lines.append(f"User-agent: {value}")
            continue
        rule = "Other: rule"  # parts two groups
        if field in ("content-usage", "content-signal"):
            path, _, said = value.partition(" ") if value.startswith("/") else ("/", "", value)
            answer = _preferences(said).get(name)
            rule = rule if answer is None else f"{'Allow' if answer else 'Disallow'}: {path}"
        lines.append(rule)
    return "\n".join(lines)


def _preferences(text: str) -> dict[str, bool]:
    """Return the names and answers of preferences such as ``ai-input=n, train-ai=y`` or ``ai-input=no``."""
    found = re.findall(r"([\w-]+)\s*=\s*\"?(y|yes|n|no)\b", text.lower())
    return {name: answer.startswith("y") for name, answer in found}


def _usage(preferences: dict[str, bool], where: str) -> Iterator[Right]:
    no = {name for name, answer in preferences.items() if not answer}
    if no & _ALL_MACHINES:
        yield Right(Use.REFUSED, f"Its {where} forbids use by machines ({min(no & _ALL_MACHINES)}=n).")
    if no & _AI_INPUT:
        yield Right(Use.WITHOUT_MODELS, f"Its {where} keeps it from models ({min(no & _AI_INPUT)}=n).")


# --- licences and reservations ---


def _tdmrep(url: str, text: str) -> Iterator[Right]:
    """Yield the decision of the most specific rule of a tdmrep.json."""
    try:
        rules = json.loads(text) if text else []
    except (ValueError, RecursionError):
        return
    rows = [r for r in rules if isinstance(r, dict)] if isinstance(rules, list) else []
    matching = [r for r in rows if _matches(str(r.get("location", "")), url)]
    if matching:
        rule = max(matching, key=lambda r: len(str(r.get("location"))))
        yield from _reserved(str(rule.get("tdm-reservation", "")), "tdmrep.json")


def _reserved(value: str, where: str) -> Iterator[Right]:
    if value.strip() == "1":
        yield Right(Use.REFUSED, f"Its {where} reserves text and data mining.")


def _licence(url: str, licence: str, where: str) -> Iterator[Right]:
    """Yield the decision of an RSL document for ``url``: of its licences for the most specific content, the most permissive."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=False)
    try:
        root = etree.fromstring(licence.strip().encode(), parser)
    except (etree.LxmlError, ValueError):
        yield Right(Use.REFUSED, f"The licence of its {where} cannot be read.")
        return
    contents = [c for c in root.iter("{*}content") if _matches(str(c.get("url") or "/"), url)]
    if not contents:
        return
    most = max(len(str(c.get("url") or "")) for c in contents)
    licences = [x for c in contents if len(str(c.get("url") or "")) == most for x in c.iter("{*}license")]
    uses = [_granted(x) for x in licences] or [Use.REFUSED]
    if Use.READ not in uses:
        models = Use.WITHOUT_MODELS in uses
        yield Right(
            Use.WITHOUT_MODELS if models else Use.REFUSED,
            f"The licence (RSL) of its {where} {'keeps it from models' if models else 'forbids it or asks for payment'}.",
        )


def _granted(licence: Any) -> Use:
    """Return what a ``<license>`` permits a commercial reader who has not paid."""
    permits, prohibits = _listed(licence, "permits"), _listed(licence, "prohibits")
    payments = {str(p.get("type") or "purchase") for p in licence.iter("{*}payment")}

    def may(kind: str, *names: str) -> bool:
        return (kind not in permits or bool(permits[kind] & set(names))) and not (
            prohibits.get(kind, set()) & set(names)
        )

    models = may("usage", "all", "ai-all", "ai-input")
    reading = models or may("usage", "all", "search")
    if not reading or not may("user", "commercial") or payments & {"crawl", "purchase", "subscription"}:
        return Use.REFUSED
    return Use.READ if models and not payments & {"use", "inference"} else Use.WITHOUT_MODELS


def _listed(licence: Any, element: str) -> dict[str, set[str]]:
    """Return the values in the ``<permits>`` or ``<prohibits>`` elements, by their type."""
    found: dict[str, set[str]] = {}
    for one in licence.iter(f"{{*}}{element}"):
        found.setdefault(str(one.get("type") or "usage"), set()).update(
            re.split(r"[\s,]+", (one.text or "").strip())
        )
    return found


def _matches(pattern: str, url: str) -> bool:
    """Return whether a pattern of robots.txt (a path or an address, with ``*`` and ``$``) covers ``url``."""
    whole = urlsplit(url)
    path = f"{whole.path or '/'}?{whole.query}" if whole.query else whole.path or "/"
    try:
        parts = urlsplit(pattern)
    except ValueError:
        return True  # an unreadable pattern is taken to cover every page
    if parts.scheme and parts.netloc:
        if parts.netloc.lower() != whole.netloc.lower():
            return False
        pattern = pattern.split(parts.netloc, 1)[1]
    return not _parsed(f"User-agent: *\nDisallow: {_one_line(pattern) or '/'}").can_fetch(path, "x")


def _one_line(text: str) -> str:
    return "".join(text.split())


# --- directives for robots ---


def _directives_for(value: str, agent: str) -> list[str]:
    """Return the directives of an X-Robots-Tag for all agents or for ours, without those for others (``otherbot: noindex``)."""
    ours, found = True, []
    for part in re.split(r"\s*,\s*", value.strip().lower()):
        name, colon, rest = part.partition(":")
        if colon and name.strip() not in _WITH_VALUE:
            ours = name.strip() == agent.lower()
            part = rest.strip()
        if ours:
            found.append(part)
    return found


def _directives(said: Iterable[str], where: str) -> Iterator[Right]:
    """Yield the decisions of robots directives: those against indexing or quoting forbid reading, those against copies models."""
    names = {part.replace(" ", "") for part in said}
    if never := names & {"noindex", "none", "nosnippet", "max-snippet:0"}:
        yield Right(Use.REFUSED, f"Its {where} says {min(never)}.")
    if no := names & {"noai", "noarchive", "nocache"}:
        yield Right(Use.WITHOUT_MODELS, f"Its {where} keeps it from models ({min(no)}).")
