"""What does not belong to a sentence: datelines, credits, captions, headings run into it, calls to read on. Pure."""

from __future__ import annotations

import re
from itertools import pairwise

from newsletter.stories.terms import STOPWORDS, stem
from newsletter.summaries.case_words import PLAIN_STEMS
from newsletter.summaries.run_ons import second_start

_AGENCY = (
    r"AP|A\.P\.|Reuters|REUTERS|AFP|UPI|CNN|CNA|BBC|ANI|IANS|PTI|Xinhua|dpa|DPA|NBC|CBS|ABC|FOX[\w ]{0,12}|WKRC|KABC|"
    r"The Center Square|TNND|NewsNation|Bloomberg|NPR|Kyodo|Yonhap|TASS|EFE|ANSA|AA|UKRINFORM|Nexstar|KXAN|"
    r"Border Report|StateHouse|JTA|JNS|LifeSiteNews|CBS News|NEXSTAR|[A-Z]{3,5}"
)
_PLACE = r"[A-Z][\w.’'\-]*(?:[ ,/]+(?:[A-Z][\w.’'\-]*|de|of|the|and|D\.C\.)){0,6}"
_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?\s+\d{1,2}|\d{1,2}\s+(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)[a-z]*\.?"
_DATELINES = tuple(
    re.compile(p)
    for p in (
        rf"^{_PLACE},?\s*(?:{_MONTH})?(?:,?\s*\d{{4}})?,?\s*[(\[](?:{_AGENCY})(?:/[\w ]+)?[)\]]\s*[—–\-:.]*\s*",
        rf"^(?:(?:\w+day,?\s+)?(?:{_MONTH})(?:,?\s*\d{{4}})?,?\s*)?[(\[](?:{_AGENCY})[)\]]\s*[—–\-:]*\s*",
        rf"^(?:{_MONTH})(?:,?\s*\d{{4}})?\s*(?:[—–]|--|\s-\s)\s*(?=[A-Z])",
        rf"^[A-Z]{{3,}}[A-Z .,’'/\-]*(?:,\s*{_PLACE})?(?:,?\s+(?:{_MONTH}))?(?:,?\s*\d{{4}})?\s*(?:[—–]|--|\s-\s|-\s)\s*",
        rf"^{_PLACE}\s+(?:{_AGENCY})\s*[—–]\s*",
        rf"^{_PLACE},\s*(?:{_MONTH})(?:,?\s*\d{{4}})?\s*[—–\-:]\s*",
        rf"^(?:{_PLACE})\s+—\s+(?=[A-Z])",
        r"^(?:BREAKING|UPDATE[D]?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE)(?:\s+NEWS)?\s*[:—–\-|]\s*",
        r"^[•·\-–—*►▶|]+\s*",
        rf"^(?:(?:Updated|Published|Posted)\s+)?(?:{_MONTH})(?:,?\s*\d{{4}})(?:,?\s+(?:at\s+)?\d{{1,2}}:\d\d\s*(?:[ap]\.?m\.?)?\s*(?:[A-Z]{{2,4}}\b)?)?\s*(?:Hour: \d{{1,2}}:\d\d\s*[ap]m\s*)?(?=[A-Z])",
        r"^(?:Why it matters|By the numbers|What[’']s (?:happening|next|new|at stake)|Driving the news|The big picture|Between the lines|"
        r"State of play|Zoom (?:in|out)|The (?:details|context|backdrop|latest|bottom line|intrigue|other side|impact)|Details|Context|"
        r"Catch up quick|Flashback|What they[’']re saying|What to watch|Go deeper|Threat level|Worth noting|Of note|How it works|"
        r"Reality check|Quick take|Background|Key (?:facts|background|takeaway)|In (?:brief|short)|Topline|What we know)\s*[:—–]\s*(?=[A-Z“\"])",
        r"^(?:The News|Breadcrumb|Topline|The Scene|Know More|Top Line|Comments|Advertisement|Subscriber only)\s+(?=[A-Z])",
        rf"^(?:{_PLACE}(?: \[[A-Z]\w+\])?,?\s*(?:{_MONTH})?\s*)?[(\[][A-Z][^()\[\]]{{1,40}}[)\]]\s*(?:[—–:]|-+)\s*(?=[A-Z“\"])",
        r"^(?:Share via|Country: - \w+|Hour: \d{1,2}:\d\d [ap]m)[\s\-–—]+",
        r"^[A-Z]{3,}[A-Z .,’'\-]*(?:,\s*[A-Z][\w.]+)?\s*\([^()]{2,40}\)\s*(?:[—–:]|-+)\s*",
        r"^(?:[A-Z]{4,}|[A-Z][a-z]+(?: (?:al-|el-)?[A-Z][a-z]+)?|Original story|Key (?:topics|points))(?:/[A-Z]\w+)?:\s+(?=[A-Z])",
        r"^(?:[A-Z]{2,}\s+){3,8}(?=[A-Z][a-z])",
        r"^(?:[A-Z][A-Z’'\-]+\s+){2,10}[A-Z][A-Z’'\-]+:\s+(?=[A-Z])",
        r"^\d{1,2}[.:)]\s+(?=[A-Z])",
        # "Republic Of Quorn On Friday, the council …"
        r"^(?:[A-Z][\w’'\-]+\s+){1,6}(?=(?:On|In|At|After|As)\s+(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b)",
        # A heading between quotation marks: "‘A flagrant gift’ The council …"
        r"^[‘“\"'][A-Z][^’”\"']{2,60}[’”\"']\s+(?=(?:The|A|An|In|On|At|After|As|When)\s)",
    )
)
_CAPITALS = (
    "ANKARA|COLOMBO|LONDON|WASHINGTON|PARIS|MOSCOW|KYIV|BEIJING|JERUSALEM|GAZA|CAIRO|BANGKOK|TOKYO|SEOUL|DELHI|ISLAMABAD|DUBAI|"
    "ISTANBUL|GENEVA|BRUSSELS|BERLIN|ROME|MADRID|DUBLIN|NAIROBI|TEHRAN|BEIRUT|DAMASCUS|BAGHDAD|AUSTIN|SACRAMENTO|CHICAGO|BALTIMORE"
)
# A dateline in the middle: what stands before it is a heading or a teaser.
_INNER_DATELINE = re.compile(
    rf"\bCountry: - (?:[A-Z]\w+ )+?(?=(?:An?|The|In|On) )|(?<=[a-z] )[A-Z]{{4,}}(?: / [A-Z]{{4,}})+\s+(?=[A-Z][a-z])"
    rf"|\bKey (?:topics|points|takeaways):\s+(?=[A-Z])|\b[A-Z]{{4,}},\s*(?:{_MONTH})\s*[—–]\s+(?=[A-Z])"
    r"|\b[A-Z]{4,}(?:[ ,][A-Z]{3,})*(?:,\s*[A-Z][\w.]+)?\s*(?:\([^()]{2,40}\)\s*)?(?:[—–]|--|\s-)\s+(?=[A-Z])"
    rf"|\b(?:{_MONTH})(?:,?\s*\d{{4}})?,?\s*[(\[](?:{_AGENCY})[)\]]\s*(?:[—–:]|-+)\s*(?=[A-Z])"
    rf"|(?<=[a-z0-9] )(?:{_CAPITALS})\s+(?=[A-Z][a-z]|An? )|\b\d{{1,2}}, \d{{4}}(?=[A-Z][a-z])"
)
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec"
_CAPTION = re.compile(
    r",\s+(?:(?:top|bottom|front|far)\s+)?(?:left|right|center|centre|foreground)(?:,|\s+and\b)|\bsecond from (?:left|right)\b|"
    r"\((?:left|right|center|centre|[LC])\)|\b(?:is|are) (?:seen|pictured|shown)\b|\bpictured (?:here|above|in|at|on)\b|"
    r"(?<!Press )\((?:Photo|AP|Reuters|REUTERS|AFP|Getty|File|FILE)\b|^(?:File|FILE)\s*[-–—:]|^In this (?:image|photo)|"
    rf"\b(?:(?:is|are) \w+ed|arrives?|speaks?|walks?|stands?|attends?|sits?|leaves?|gestures?|looks?|waves?|poses?|listens?|holds?|"
    rf"reacts?|smiles?|rall(?:y|ies)|gathers?|protests?|delivers?|appears?)\b[^.]*\b(?:{_MONTHS})\.? \d{{1,2}}, \d{{4}}\b"
)
_RUN_ON_WORD = re.compile(
    r"(?<=[a-z0-9’'\)%])\s+(?=(?:A|An|In|On|At|It|He|She|They|This|After|As|When|While|For|But|With|By|From|Watch|What|Citing|According)\s+[a-zA-Z0-9]"
    r"|The\s+[a-z]|The\s+(?:[A-Z][\w.]+\s+){1,4}(?:gave|has|have|had|was|is|were|are|said|will|on|approved|passed|announced)\b)"
)
_NAME_BEFORE = re.compile(
    r"\b(?:the|a|an|of|in|on|at|to|for|by|from|with|and|or|&|called|titled|named|told|said|says|read|reads|wrote|watched|song|film|book|series|show|bill|act)$",
    re.IGNORECASE,
)
_TITLE_CASE = re.compile(
    r"\b[A-Z][\w’'\-]+ (?:Of|For|To|In|On|With|After|As|Over|Is|Are|By|From|At|And|Into|Amid|The|A|An) [A-Z][\w’'\-]+"
)
_INTO_NEXT = re.compile(r"\b(?:in|to|for|with|over|after|as|on|amid|into) [A-Z]")
_NOT_A_START = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|(?:" + _MONTHS + r")\b|\d")
_TOKEN = re.compile(r"\S+")
_ENGLISH_WORDS = "the of to in and a is was for on that with by at from it as his her has have were are not"
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHER_WORDS = (
    "el la los las de del que en un una y por para con se su al lo es ha le les des du et est dans une pour sur qui der die das "
    "und ist den dem von mit auf ein eine nicht il di che per della sono het een van voor em um uma os dos não"
)
_FOREIGN = frozenset(_OTHER_WORDS.split())
_CREDIT_HEAD = re.compile(
    r"^(?:(?:Photo|Image|Picture|File photo|FILE|Getty|Screenshot|Illustration)\b[^.]{0,80}?"
    r"(?:AFP|AP|Reuters|Getty Images|Getty|Shutterstock|Xinhua)\s+)(?=[A-Z])"
)
_FURNITURE = re.compile(
    r"https?:|www\.|\bpic\.twitter|\bt\.co/|[@#]\w|\b(?:read|see|learn|find out) more\b|read the full|click here|sign up|subscrib|"
    r"newsletter|regular rate|\d{1,2}:\d\d\s*[ap]m\b|cancel anytime|every (?:four|4) weeks|news department was not|share via|\bphotos?\s*(?:by|:|/|\()|\bimage\s*(?:by|:|/|\()|getty|shutterstock|screenshot|advertis|\bcookies\b|"
    r"javascript|rights reserved|copyright|©|min read|minute read|\bfollow us\b|whatsapp|telegram channel|"
    r"download (?:the|our) app|share this|\bnow playing\b|this (?:article|story|post|piece|report) (?:was|is|has|first|originally|will|may)|"
    r"originally (?:published|appeared)|contributed to this|editor[’']?s? note|associated press writer|staff writer|"
    r"watch (?:the )?(?:video|live|below|moment)|listen to|podcast|play video|loading|your inbox|breaking news:|"
    r"\bfile photo\b|\(file\)|live updates?|here(?:’|')?s what|what (?:you need )?to know|support (?:our|independent)|donat|"
    r"all you need|stay (?:tuned|up to date)|(?:last )?updated?(?: on|:| at)|published(?: on|:| at)|top stories|continue reading|"
    r"privacy policy|terms of (?:use|service)|paid membership|free version|full access|\bcommenters?\b|^author\b|"
    r"is (?:the author of|a (?:contributing|freelance|syndicated|columnist|contributor))|"
    r"browser|^country: -|community guidelines|watch this content|opinions of our readers|e-newspaper|log ?in\b|\bgo to\b.{0,30}\.com|\bET\s*$|TOPSHOT|AI[- ](?:generated|assisted)|transcript of|correspondent\b.{0,20}reports\.$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^(?:Written |Reported |Posted )?[Bb]y [A-Z][\w.’'\-]+ [A-Z][\w.’'\-]+|^[A-Z]\w+ [A-Z]\w+ (?:is|was) an? (?:staff|senior) "
)


def without_heading(passage: str, headline: str) -> str:
    """Without the headline run into the first sentence ("Title of it The text begins …"), word for word or nearly so."""
    for cut in (_after_repeated, _after_headline, _after_repeated, _after_run_on):
        if place := cut(passage, headline):
            passage = passage[place:]
    return passage


def _folded(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower().replace("’", "").replace("'", ""))


def _after_headline(passage: str, headline: str) -> int:
    """Where the text begins behind something very like its headline; 0 when it does not begin so."""
    best = (0.0, 0)
    for title in {headline, re.split(r"\s[|\-–—*]\s", headline)[0]}:
        wanted = set(_folded(title))
        if len(wanted) < 4:
            continue
        tokens = list(_TOKEN.finditer(passage))[: len(title.split()) + 12]
        for before, token in pairwise(tokens[3:]):
            first = token.group().lstrip("\"“‘'(")
            if not first[:1].isupper() or _NOT_A_START.match(first) or before.group().endswith(","):
                continue
            if _NAME_BEFORE.search(before.group()):
                continue
            head = set(_folded(passage[: token.start()]))
            alike = len(head & wanted) / len(head | wanted)
            if alike > best[0]:
                best = (alike, token.start())
    alike, place = best
    rest = passage[place:]
    if alike < 0.6 or len(rest.split()) < 6:
        return 0
    # "X held by Y Garcia officers said": only what starts anew is a sentence of its own.
    starts_anew = re.match(r"[\"“]?(?:The|A|An|In|On|At|It|After|As|When|While|Watch)\b", rest) or set(
        _folded(rest)[:12]
    ) & {w for w in _folded(passage[:place]) if len(w) > 3}
    if alike == 1.0 and passage[:place].rstrip().endswith(headline.rstrip()) and len(rest.split()) >= 8:
        return place
    return place if starts_anew and (alike >= 0.75 or len(rest.split()) >= 8) else 0


def _after_repeated(passage: str, headline: str) -> int:
    """Where the opening words come again with a capital, unpunctuated: there the text starts after its heading."""
    opening = " ".join(passage.split()[:3])
    if len(opening) < 12:
        return 0
    place = passage.find(opening, len(opening))
    if place < 0 or len(passage[place:].split()) < 6 or re.search(r"[,.:;“\"(]\s*$", passage[:place]):
        return 0
    return place


def _after_run_on(passage: str, headline: str) -> int:
    """Where a sentence starts in the middle of one without a stop before it: "… insult case A Bangkok court has …"."""
    place = 0
    for match in _RUN_ON_WORD.finditer(passage):
        before = passage[place : match.start()]
        if _NAME_BEFORE.search(before) or before.count("“") != before.count("”") or before.count('"') % 2:
            continue
        if _TITLE_CASE.search(passage[place : match.end() + 20]) or not 3 <= len(before.split()) <= 30:
            continue
        if len(passage[match.end() :].split()) >= 7:
            place = match.end()
    return place


def runs_on(text: str) -> bool:
    """A heading in Title Case still stands in front of, or in, the sentence."""
    words = re.findall(r"[A-Za-z][\w’'\-]*", re.sub(r"“[^”]*”|\"[^\"]*\"|‘[^’]*’", " ", text))[:9]
    long = [w for w in words if len(w) > 3]
    shouted = len(long) >= 5 and sum(w[0].isupper() for w in long) >= 0.85 * len(long)
    if len(long) >= 6 and all(w[0].isupper() for w in long) and _INTO_NEXT.search(" ".join(words)):
        return True
    return bool(
        _TITLE_CASE.search(re.sub(r"“[^”]*”|\"[^\"]*\"", " ", text))
        and (shouted or re.search(r"\b(?:To|Is|Are|After|As|Over|Amid|With|By|From) [A-Z]", text))
    )


def trimmed(passage: str) -> str:
    """Without dateline, label or photo credit in front."""
    inner = _INNER_DATELINE.search(passage)
    if inner and len(passage) - inner.end() > 20:
        passage = passage[inner.end() :]
    for _ in range(2):  # a date in front of a dateline
        for pattern in (_CREDIT_HEAD, *_DATELINES):
            match = pattern.match(passage)
            if match and len(passage) - match.end() > 20:
                passage = passage[match.end() :].lstrip()
    return passage


def is_clutter(text: str) -> bool:
    """The sentence is a byline, a credit, a photo's caption, a run-on heading, or a call to the reader."""
    return bool(
        _FURNITURE.search(text)
        or _BYLINE.match(text)
        or _CAPTION.search(text)
        or runs_on(text)
        or second_start(text)
        or is_foreign(text)
    )


def is_foreign(text: str) -> bool:
    """Not English: more small words of other languages than of English."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    ours = sum(w in _ENGLISH for w in words)
    return sum(w in _FOREIGN for w in words) > max(1, ours)


def unshouted(text: str) -> str:
    """ "THE council" and "A MAN was" as "The council" and "A man was": how some papers print the first words."""
    match = re.match(r"(?:(?P<article>An?) )?(?P<word>[A-Z]{2,})(?= [A-Za-z])", text)
    if match is None:
        return text
    word = match["word"].lower()
    plain = word in STOPWORDS or stem(word) in PLAIN_STEMS or word in ("man", "woman")
    if not plain or word in ("us", "it", "who", "un", "ice", "aid", "am"):
        return text
    shown = f"{match['article']} {word}" if match["article"] else word.capitalize()
    return shown + text[match.end() :]
