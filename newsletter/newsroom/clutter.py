"""What does not belong to a sentence: datelines, credits, captions, headings run into it, calls to read on. Pure."""

from __future__ import annotations

import re

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
        rf"^(?:{_MONTH}\s*)?[(\[](?:{_AGENCY})[)\]]\s*[—–\-:]*\s*",
        rf"^[A-Z]{{3,}}[A-Z .,’'/\-]*(?:,\s*{_PLACE})?(?:,?\s+(?:{_MONTH}))?(?:,?\s*\d{{4}})?\s*(?:[—–]|--|\s-\s|-\s)\s*",
        rf"^{_PLACE}\s+(?:{_AGENCY})\s*[—–]\s*",
        rf"^{_PLACE},\s*(?:{_MONTH})(?:,?\s*\d{{4}})?\s*[—–\-:]\s*",
        rf"^(?:{_PLACE})\s+—\s+(?=[A-Z])",
        r"^(?:BREAKING|UPDATE[D]?|WATCH|EXCLUSIVE|JUST IN|DEVELOPING|VIDEO|OPINION|LIVE)(?:\s+NEWS)?\s*[:—–\-|]\s*",
        r"^[•·\-–—*►▶|]+\s*",
    )
)
_CREDIT_HEAD = re.compile(
    r"^(?:(?:Photo|Image|Picture|File photo|FILE|Getty|Screenshot|Illustration)\b[^.]{0,80}?"
    r"(?:AFP|AP|Reuters|Getty Images|Getty|Shutterstock|Xinhua)\s+)(?=[A-Z])"
)
_FURNITURE = re.compile(
    r"https?:|www\.|\bpic\.twitter|\bt\.co/|[@#]\w|\b(?:read|see|learn|find out) more\b|read the full|click here|sign up|subscrib|"
    r"newsletter|\bphotos?\s*(?:by|:|/|\()|\bimage\s*(?:by|:|/|\()|getty|shutterstock|screenshot|advertis|\bcookies\b|"
    r"javascript|rights reserved|copyright|©|min read|minute read|\bfollow us\b|whatsapp|telegram channel|"
    r"download (?:the|our) app|share this|\bnow playing\b|this (?:article|story|post|piece|report) (?:was|is|has|first|originally|will|may)|"
    r"originally (?:published|appeared)|contributed to this|editor[’']?s? note|associated press writer|staff writer|"
    r"watch (?:the )?(?:video|live|below|moment)|listen to|podcast|play video|loading|your inbox|breaking news:|"
    r"\bfile photo\b|\(file\)|live updates?|here(?:’|')?s what|what (?:you need )?to know|support (?:our|independent)|donat|"
    r"all you need|stay (?:tuned|up to date)|(?:last )?updated?(?: on|:| at)|published(?: on|:| at)|top stories|continue reading|"
    r"browser|community guidelines|watch this content|opinions of our readers|e-newspaper|log ?in\b|\bgo to\b.{0,30}\.com|\bET\s*$|TOPSHOT|AI[- ](?:generated|assisted)|transcript of|correspondent\b.{0,20}reports\.$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^(?:Written |Reported |Posted )?[Bb]y [A-Z][\w.’'\-]+ [A-Z][\w.’'\-]+|^[A-Z]\w+ [A-Z]\w+ (?:is|was) an? (?:staff|senior) "
)


def without_heading(passage: str, headline: str) -> str:
    """Without the headline run into the first sentence ("Title of it The text begins …")."""
    for part in (headline, re.split(r"\s[|\-–—*]\s", headline)[0]):
        words = part.split()
        if len(words) >= 3:
            pattern = r"\s+".join(re.escape(w) for w in words)
            match = re.search(pattern + r"\s+(?=[\"“A-Z0-9])", passage)
            if match and len(passage) - match.end() > 20:
                return passage[match.end() :]
    return passage


def trimmed(passage: str) -> str:
    """Without dateline, label or photo credit in front."""
    for pattern in (_CREDIT_HEAD, *_DATELINES):
        match = pattern.match(passage)
        if match and len(passage) - match.end() > 20:
            passage = passage[match.end() :].lstrip()
    return passage


def is_clutter(text: str) -> bool:
    """The sentence is a byline, a credit, or a call to the reader."""
    return bool(_FURNITURE.search(text) or _BYLINE.match(text))
