"""Classify an Article as news or as another kind, which supplies no facts (opinion, a live blog, advertising …). Pure.

The kind is found in four places that name the genre and not the subject: a label in the headline ("OPINION |", "… – live
updates"), a segment of the address ("/opinion/", "/horoscopes/"), a category of the feed or a schema.org type, and the form of
the text (the speakers of a transcript, the clock times of a live blog, the numbers of a lottery). Without any such sign an
Article is news, because losing news is the worse error.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from urllib.parse import unquote, urlsplit


class ArticleKind(StrEnum):
    """The genre of an Article.

    ``ANALYSIS`` includes explainers and fact checks, and ``OPINION`` includes reviews and letters. ``SERVICE`` texts help readers
    to do something and report nothing: how to watch a match, hints for a puzzle, opening hours.
    """

    NEWS = "news"
    OPINION = "opinion"
    ANALYSIS = "analysis"
    LIVE_BLOG = "live_blog"
    TRANSCRIPT = "transcript"
    ROUND_UP = "round_up"
    PRESS_RELEASE = "press_release"
    CORRECTION = "correction"
    SATIRE = "satire"
    SPONSORED = "sponsored"
    SHOPPING = "shopping"
    LOTTERY = "lottery"
    HOROSCOPE = "horoscope"
    SERVICE = "service"


K = ArticleKind
SUPPLIES_FACTS = frozenset({K.NEWS})
GROUPED = frozenset(
    {K.NEWS, K.OPINION, K.ANALYSIS}
)  # other kinds are put into no Story and do not count for an Outlet

_OPENING = 400  # characters at the beginning of a text that show its kind

# Labels in lower case. A label is a whole part of a headline: before ":" or "|", after "–" or "|", or in brackets. Of several
# labels the kind that comes first here counts: a sponsored opinion piece is advertising.
_LABELS: dict[ArticleKind, str] = {
    K.SPONSORED: r"(?:sponsor(?:ed)?|paid|partner(?:ed)?|promoted|brand(?:ed)?|advertiser) (?:content|post|stor(?:y|ies)|feature|program|message)"
    r"|sponsored|promoted|advert(?:isement|orial|ising feature)?|paid advertisement",
    K.SATIRE: r"satire|satirical|parody",
    K.CORRECTION: r"corrections?|clarifications?|corrections? (?:and|&) clarifications?|retraction|editors?[’']?s?[’']? note",
    K.LIVE_BLOG: r"the latest|(?:\w+ ){0,2}live[ -]?(?:updates?|blog|coverage|ticker)|live (?:updates?|blog|coverage|news)|as it happened",
    K.TRANSCRIPT: r"(?:(?:read )?(?:the )?(?:full|complete|partial|rush) )?transcript|full text",
    K.ROUND_UP: r"(?:[\w’'&]+ ){0,3}(?:round[- ]?up|news ?letter|digest|wrap-up|rundown|in brief)"
    r"|(?:the )?(?:(?:mid)?(?:morning|midday|noon|afternoon|evening|nightly|daily|weekly|weekend|monday|tuesday|wednesday|thursday|friday|saturday|sunday|news)[’'s]* )+"
    r"(?:brief(?:s|ing)?|headlines|recap|wrap|bulletin)|(?:\w+ )?news at a glance|today[’']s (?:news|headlines|top stories)|top stories|news briefs?|week in (?:review|pictures)",
    K.PRESS_RELEASE: r"(?:press|media|news) release|for immediate release",
    K.OPINION: r"opinions?|(?:[\w’'&]+ )?(?:editorials?|column|commentary|viewpoint)|op[- ]?ed|(?:our|my|guest|another|other|reader[’']?s?) (?:view|opinion|essay|voices?)"
    r"|letters?(?: to the editor)|letters|comment|perspectives?|reviews?|essay|the (?:\w+ )?view from \w+",
    K.ANALYSIS: r"(?:news |expert |data )?analysis|explainer|explained|fact[- ]?check(?:ed|ing)?|in depth",
}
_LABEL = {kind: re.compile(words) for kind, words in _LABELS.items()}
_PARTS = re.compile(
    r"\s*\|+\s*|\s+[-–—]+\s+|\s*[–—]\s*|:\s+|\s+[›»•]\s+|(?<=[\])])\s+|(?<=\?)\s+(?=\w+$)|\s+(?=[\[(])"
)
_LIVE_AT_END = re.compile(
    r"\s[-–—|]+\s(?:[A-Z][\w.’']*(?: [\w’']+){0,2} )?live$"
)  # "… – Austrian election live"
_LIVE_AT_START = re.compile(
    r"^(?:LIVE|Live) ?[:|–—]|^LIVE (?:UPDATES?|BLOG)\b|\bLIVE(?: UPDATES)?(?: as |: )"
)
_LAST_PART_KINDS = frozenset(
    {K.LIVE_BLOG, K.OPINION, K.ANALYSIS, K.ROUND_UP, K.SPONSORED, K.SATIRE, K.TRANSCRIPT}
)  # also behind

# Whole segments of an address, without the last one.
_SEGMENTS: dict[str, ArticleKind] = {
    name: kind
    for kind, names in {
        K.SPONSORED: "sponsored sponsored-content sponsor-content sponsoredcontent sponsored-post sponsored-posts paid-content paid-post paidpost "
        "partner-content partnercontent branded-content brandedcontent brand-studio brandstudio brandpost brandvoice "
        "advertorial advertorials advertisement promoted promotion promotions native-advertising",
        K.SATIRE: "satire parody",
        K.CORRECTION: "correction corrections corrections-and-clarifications corrections-clarifications clarifications",
        K.HOROSCOPE: "horoscope horoscopes astrology zodiac daily-horoscope",
        K.SHOPPING: "shopping shop coupons coupon promo-codes wirecutter underscored gift-guide gift-guides buying-guide buying-guides "
        "best-products product-reviews shopping-guides shopping-deals",
        K.LIVE_BLOG: "live live-blog live-blogs liveblog liveblogs live-updates live-update live-coverage livecoverage live-story",
        K.TRANSCRIPT: "transcript transcripts",
        K.ROUND_UP: "newsletter newsletters news-in-brief news-briefs morning-briefing daily-briefing",
        K.PRESS_RELEASE: "press-release press-releases pressrelease pressreleases news-release news-releases newsrelease newsreleases "
        "media-release media-releases briefings-statements statements-releases",
        K.OPINION: "opinion opinions op-ed op-eds oped editorial editorials column columns columnist columnists commentary comment commentisfree "
        "letters letters-to-the-editor viewpoint viewpoints perspectives guest-columns opinion-columns review reviews",
        K.ANALYSIS: "analysis news-analysis explainer explainers explained factcheck fact-check fact-checks fact-checking",
    }.items()
    for name in names.split()
}
# Hosts that publish only press releases.
_RELEASE_HOSTS = re.compile(
    r"(?:^|\.)(?:prnewswire|businesswire|globenewswire|einpresswire|accesswire|prweb)\.com$"
)
_LIVE_SLUG = re.compile(r"(?:^|[-_])(?:live-?blog|live-updates?|as-it-happened)(?:[-_.]|$)")

# Names of categories, and schema.org types (subtypes of Article), in lower case.
_CATEGORIES: dict[str, ArticleKind] = {
    **{name.replace("-", " "): kind for name, kind in _SEGMENTS.items() if kind is not K.SHOPPING},
    "shopping": K.SHOPPING,
    "coupons": K.SHOPPING,
    "advertisercontentarticle": K.SPONSORED,
    "satiricalarticle": K.SATIRE,
    "liveblogposting": K.LIVE_BLOG,
    "opinionnewsarticle": K.OPINION,
    "reviewnewsarticle": K.OPINION,
    "analysisnewsarticle": K.ANALYSIS,
    "backgroundnewsarticle": K.ANALYSIS,
}
for _name in ("live", "comment", "promotion", "promotions", "promoted", "review", "reviews"):
    del _CATEGORIES[_name]  # as categories these can also name subjects

# ── the form of headline and text ─────────────────────────────────────────────────────────────────────────────────

_NUMBERS_DRAWN = re.compile(r"(?i)\bwinning numbers\b")
_DRAW = re.compile(r"(?i)\b(?:draw(?:ing|n)?|jackpot|lotter(?:y|ies)|lotto)\b")
_NUMBER_ROW = re.compile(r"\b\d{1,2}(?:(?:, | ?- ?| and |, and )\d{1,2}\b){4,}")
_LOTTERY = re.compile(
    r"(?i)\b(?:jackpot|lotter(?:y|ies)|lotto|winning (?:\w+ )?numbers|numbers (?:were )?drawn|match(?:ed)? all)\b"
)
_JACKPOT_NOT_WON = re.compile(
    r"(?i)\bjackpot\b(?s:.*)\b(?:next drawing|no (?:one|ticket|winner)|nobody|rolls? over)\b"
)
_HOROSCOPE = re.compile(
    r"(?i)\b(?:(?:daily|weekly|monthly|your|today[’']?s?|tomorrow[’']?s?|free) horoscopes?|horoscopes?(?: today| for\b|:|$)|zodiac signs?)"
)
_ASTROLOGY = re.compile(r"(?i)\b(?:horoscopes?|zodiac|star signs?|astrolog(?:y|ical|ers?))\b")
_SIGNS = re.compile(
    r"\b(?:Aries|Taurus|Gemini|Leo|Virgo|Libra|Scorpio|Sagittarius|Capricorn|Aquarius|Pisces)\b"
)
# A price in a shop, unlike "$11 billion".
_AMOUNT = r"[$£€]\d[\d.,]*(?! ?(?:\d|hundred|thousand|million|billion|trillion|bn|[mbk]\b))"
_SHOPPING_DAY = r"\b(?:black friday|cyber (?:monday|week)|prime day|(?:labor|memorial|presidents[’']?) day)\b"
_FOR_SALE = r"\b(?:deals|sales|gifts|discounts|coupons)"
_ON_SALE = re.compile(
    rf"(?i){_SHOPPING_DAY}.*\b(?:best|top|\d+|early|our|these|shop)\b.*{_FOR_SALE}\b"
    rf"|{_SHOPPING_DAY}[^:]*{_FOR_SALE}\b.*\b(?:best|top|\d+ \w+ to|shop|right now|still)\b"
    rf"|\b(?:best|top)\b.*(?:{_SHOPPING_DAY}.*{_FOR_SALE}\b|{_FOR_SALE} (?:to (?:buy|get|give|shop)|under \$|you can (?:buy|get|shop)|right now|of 20\d\d))"
    r"|\b(?:promo|coupon|discount) codes?\b|\bgift guide\b|\bdeals (?:under \$|you can (?:buy|shop)|to shop|of the day)"
    r"|\$\d[\d.,]* (?:off )?(?:at|on) amazon\b|\b\d\d ?% off\b.*\b(?:amazon|sale)\b"
)
# Headlines that offer something to buy, and texts that address buyers.
_OFFER = re.compile(
    rf"(?i)\b\d+ ?% off\b|{_AMOUNT} off\b|(?:^|: )(?:save|get|grab|snag|score|buy|shop)\b.*(?:{_AMOUNT}|\d ?%)"
    rf"|\b(?:under|as low as|down to|drops? to|just|only) {_AMOUNT}|\blowest price (?:ever|yet)\b"
    r"|\b(?:best|top|today[’']s|week[’']s)\b[^:]*\bdeals\b"
    rf"|{_SHOPPING_DAY}.*\b(?:is (?:live|here|back)|need to know|what to expect|how to (?:save|shop))\b"
)
_ADDRESSES_BUYERS = re.compile(
    rf"\b(?:[Oo]ur|[Ee]ditors?[’']?) (?:\w+ ){{0,2}}(?:picks?|picked|favou?rites?)\b|\b[Ww]e(?:[’']ve| have)? (?:\w+ )?(?:tested|tried|picked)\b"
    rf"|\b[Ss]hoppers (?:say|love|rave)\b|\blist price\b|\bdown from {_AMOUNT}|{_AMOUNT} at [A-Z]|\b\d+ ?% off\b|\b[Dd]iscounts?\b|\bis offering\b"
    r"|\b(?:[Ss]hop|[Bb]uy|[Gg]rab|[Ss]nag) (?:our|the|these|it|them|now)\b"
)
_GUIDE = re.compile(r"(?i)\b(?:best|top|gifts?|picks|buy|tested|reviewed|favou?rites?)\b")
_OWN_PICK = re.compile(
    r"(?i)\b(?:our|editors?[’']?) (?:\w+ ){0,2}(?:picks?|picked|favou?rites?)\b|\bwe(?:[’']ve| have)? (?:\w+ )?(?:tested|tried|picked)\b"
)
_PRICE = re.compile(
    r"(?i)[$£€]\s?\d|\b\d+ ?% off\b|\bdiscounts?\b|\bon sale\b|\blowest price\b|\bretailers?\b"
)
_SERVICE = re.compile(
    r"(?i)^(?:how|where) to (?:watch|stream)\b|: how to watch\b|\bhints?(?:,| and| &) (?:\w+ and )?(?:answers?|clues)\b|\bTV channel\b"
    r"|\bwhat[’']s (?:open|closed)\b.*\b(?:open|closed)\b|^(?:is|are)\b.*\b(?:open|closed) (?:on|today|for)\b.*\?"
)
_COMMISSION = re.compile(
    r"(?i)\b(?:earns?|receives?|gets?|make) (?:an? )?(?:small )?(?:affiliate )?commissions?\b|\b(?:buy|purchase|shop)\w*\b.{0,40}\b(?:our|these|affiliate) links\b"
)
_PAID_TEXT = re.compile(
    r"(?i)^\W*(?:sponsored (?:content|post|by)\b|paid (?:content|post|advertisement)\b|advertisement feature|advertorial\b)"
    r"|\bthis (?:is|article is|content is|post is|story is) (?:an? )?(?:sponsored|paid|advertis|produced (?:in association|in partnership)|brought to you by)"
)
_PRESS_RELEASE = re.compile(
    r"/ ?(?:PRNewswire|PRNewswire-\w+|CNW|EINPresswire\.com) ?/|\((?:BUSINESS WIRE|GLOBE NEWSWIRE)\)|\bACCESSWIRE /|\bFOR IMMEDIATE RELEASE\b"
)
_CLOCK = re.compile(
    r"(?:^|\n|[.!?…”\"’)] )\W{0,2}(?:\d{1,2}(?:[:.]\d\d)? ?[ap]\.?m\.?(?: ?[A-Z]{1,3}T\b)?|\d{1,2}[:.]\d\d ?(?:[A-Z]{1,3}T|GMT|UTC)\b)\s*[:–—-]?\s+(?=[“\"A-Z])"
)
_TRANSCRIBED = re.compile(
    r"(?i)\b(?:following|below|here) is (?:an? |the )?(?:\w+ ){0,3}transcript\b|^\W*(?:this|the) (?:rush )?transcript (?:was|has been|is|may)\b"
    r"|\bthis is a rush transcript\b"
)
_READ_TRANSCRIPT = re.compile(r"(?i)^read:? (?:the )?(?:full )?transcripts?\b")
_HOST = re.compile(r"\b[A-Z][A-Z.’' -]{3,40}, (?:HOST|BYLINE|CO-HOST)S?: ")
_TURN = re.compile(
    r"(?:^|\n|[.!?…”\"’)\]—-] )([A-Z][\w.’'-]+(?: [A-Z][\w.’'-]*){1,3}|[A-Z]{3,}|Q|A)(?: ?\([^()]{1,30}\))?: (?=[“\"\[(]?[A-Z][a-z’' ])"
)
_SEVERAL_SUBJECTS = re.compile(
    r"(?i)\bnews at a glance$|\band other (?:\w+ ){0,2}(?:headlines|stories|news)\b|^(?:headlines|news (?:brief|digest|summary)) (?:for|of|on)\b"
    r"|^(?:the )?(?:top|biggest) (?:\w+ )?(?:stories|headlines) (?:of|for|this|today|on)\b|\b(?:week|month|year|day|weekend) in (?:review|pictures|photos)\b"
    r"|^(?:\d+|three|four|five|six|seven|eight|nine|ten) things (?:you need )?to (?:know|start)(?: your day| today| this morning| for (?:the|today|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))"
    r"|\breviews? round-?up\b"
)
_HERE_ARE = re.compile(
    r"(?i)\bhere(?: are|[’']s| is) (?:a (?:look|roundup|round-up|summary) (?:at|of) )?(?:some of )?(?:the |today[’']s |this week[’']s |your )?"
    r"(?:top |biggest |latest |main |other |most important |day[’']s |week[’']s |morning[’']s )+(?:\w+ ){0,2}(?:stories|headlines|news)\b"
)
_NEWSLETTER = re.compile(
    r"(?i)\bin (?:today|this week)[’']s newsletter\b|\b(?:welcome to|you[’']re reading|this is)\b.{0,80}\bnewsletter\b"
)
_SEMICOLON = re.compile(r";\s+")
_DISCLAIMER = re.compile(
    r"(?i)\b(?:views|opinions) (?:and opinions )?expressed (?:in this|here|by the (?:author|writer)|are (?:those of|solely|the author))"
    r"|^\W*(?:by )?(?:the )?editorial board\b"
)


def classify(headline: str, url: str, categories: Iterable[str] = (), text: str = "") -> ArticleKind:
    """Return the kind of an Article.

    ``headline`` is the feed's title with its labels; ``categories`` are the Entry's categories and the schema.org types of a
    page; ``text`` is plain text, of which mostly the beginning is used.
    """
    headline = " ".join(headline.split())
    named = [_by_form(headline, text), _by_label(headline), _by_address(url), _by_tags(categories)]
    found = [kind for kind in named if kind is not None]
    return min(found, key=_PRECEDENCE.index) if found else K.NEWS


_PRECEDENCE = [
    K.SPONSORED,
    K.SATIRE,
    K.CORRECTION,
    K.HOROSCOPE,
    K.LOTTERY,
    K.SHOPPING,
    K.SERVICE,
    K.LIVE_BLOG,
    K.TRANSCRIPT,
    K.ROUND_UP,
    K.PRESS_RELEASE,
    K.OPINION,
    K.ANALYSIS,
    K.NEWS,
]


def _by_label(headline: str) -> ArticleKind | None:
    """Return the kind that a part of the headline names: one of the first two parts, or for some kinds the last."""
    if _LIVE_AT_END.search(headline) or _LIVE_AT_START.search(headline):
        return K.LIVE_BLOG
    parts = [p.strip(" []()*•.").lower() for p in _PARTS.split(headline) if p.strip(" []()*•.")]
    if len(parts) < 2:
        return None
    for kind, words in _LABEL.items():
        last = parts[-1:] if kind in _LAST_PART_KINDS else []
        if any(words.fullmatch(part) for part in [*parts[:2], *last]):
            return kind
    return None


def _by_address(url: str) -> ArticleKind | None:
    try:
        address = urlsplit(url)
        host = (address.hostname or "").lower()
    except ValueError:
        return None
    if _RELEASE_HOSTS.search(host):
        return K.PRESS_RELEASE
    *folders, last = [s for s in unquote(address.path).lower().split("/") if s] or [""]
    kinds = [_SEGMENTS[s.replace("_", "-")] for s in folders if s.replace("_", "-") in _SEGMENTS]
    if _LIVE_SLUG.search(last):
        kinds.append(K.LIVE_BLOG)
    return min(kinds, key=_PRECEDENCE.index) if kinds else None


def _by_tags(categories: Iterable[str]) -> ArticleKind | None:
    """Return the kind that the categories name. A category may be a path ("Opinion/Columnists"); each part counts."""
    parts = (part.strip().lower().replace("-", " ") for c in categories for part in re.split(r"[/>|]", c))
    kinds = [_CATEGORIES[part] for part in parts if part in _CATEGORIES]
    return min(kinds, key=_PRECEDENCE.index) if kinds else None


def _by_form(headline: str, text: str) -> ArticleKind | None:
    """Return the kind that the wording of headline and text shows."""
    opening, both = text[:_OPENING], f"{headline}\n{text}"
    if _PAID_TEXT.search(opening):
        return K.SPONSORED
    if _is_horoscope(headline, f"{headline}\n{opening}"):
        return K.HOROSCOPE
    if (_NUMBERS_DRAWN.search(headline) and _DRAW.search(both)) or _is_lottery(
        headline, f"{headline}\n{opening}"
    ):
        return K.LOTTERY
    if (_COMMISSION.search(text) and _PRICE.search(both)) or _is_shopping(headline, text):
        return K.SHOPPING
    if _SERVICE.search(headline):
        return K.SERVICE
    if len(_CLOCK.findall(text)) >= 2:
        return K.LIVE_BLOG
    if (
        _READ_TRANSCRIPT.search(headline)
        or _TRANSCRIBED.search(opening)
        or _HOST.search(opening)
        or _is_dialogue(text)
    ):
        return K.TRANSCRIPT
    if (
        _SEVERAL_SUBJECTS.search(headline)
        or _HERE_ARE.search(opening)
        or _NEWSLETTER.search(opening[:200])
        or len(_SEMICOLON.findall(headline)) >= 2
    ):
        return K.ROUND_UP
    if _PRESS_RELEASE.search(opening):
        return K.PRESS_RELEASE
    if _DISCLAIMER.search(text):
        return K.OPINION
    return None


def _is_horoscope(headline: str, opening: str) -> bool:
    """Return whether the text names several signs of the zodiac. ``opening`` begins with the headline."""
    signs = len(set(_SIGNS.findall(opening)))
    if _HOROSCOPE.search(headline) and "horoscope" in headline.lower():
        return True
    return signs >= 3 or (signs == 2 and bool(_ASTROLOGY.search(opening)))


def _is_lottery(headline: str, opening: str) -> bool:
    """Return whether the text reports numbers drawn or a jackpot not won. ``opening`` begins with the headline."""
    if _NUMBER_ROW.search(opening) and _LOTTERY.search(opening):
        return True
    return "jackpot" in headline.lower() and bool(_JACKPOT_NOT_WON.search(opening))


def _is_shopping(headline: str, text: str) -> bool:
    """Return whether the headline offers something to buy and the text addresses buyers."""
    if not _PRICE.search(f"{headline}\n{text}"):
        return False
    opening = text[:_OPENING]
    offers = _OFFER.search(headline) and _ADDRESSES_BUYERS.search(f"{headline}\n{opening}")
    return bool(
        _ON_SALE.search(headline) or offers or (_GUIDE.search(headline) and _OWN_PICK.search(opening))
    )


def _is_dialogue(text: str) -> bool:
    """Return whether several speakers alternate, each named before ":", and repeatedly: a heading before ":" comes only once."""
    turns = Counter(_TURN.findall(text))
    return len(turns) >= 2 and turns.total() >= max(3, 1.5 * len(turns))
