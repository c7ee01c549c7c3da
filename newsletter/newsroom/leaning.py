"""How a sentence leans on others or on its outlet: pronouns without a name, "But", "we", "you". Pure."""

from __future__ import annotations

import re

_DANGLING = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|Him|Them|This|These|Those|That|But|And|Or|So|Yet|Nor|Because|Meanwhile|However|Also|Still|"
    r"Then|Instead|Moreover|Furthermore|Additionally|Besides|Thus|Hence|Therefore|Nevertheless|Nonetheless|Indeed|Likewise|Similarly|"
    r"Otherwise|Afterwards?|Later|Earlier|Such|Here|There|Another|Others?|Both|Either|Neither|Consequently|Accordingly|Conversely|Rather|"
    r"Plus|Again|Even so|In addition|In contrast|In response|In turn|In other words|In fact|On the other hand|At the same time|"
    r"As a result|As such|For example|For instance|By contrast|After that|After this|Since then|Of course|To be sure|Elsewhere|"
    r"Among (?:them|those)|The (?:latter|former|pair|duo|two|same|other)\b|One of them|Speaking (?:to|at|on|in|during|after)|"
    r"Doing so|That said|What[’']s more|Even|Not only|Just|Well|Yes|No|Maybe|Perhaps|Now|Today|Like|Which|Who|Whose)\b"
    r"(?!\s+(?:week|weekend|month|year|summer|fall|autumn|winter|spring|morning|afternoon|evening|as|are|is|were|was|have|has)\b)"
)
_DANGLING_ANYWAY = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|This|That|These|Those|But|And|So|Such|Others?|Both|Which|Who|Another)\s+(?:as|are|is|were|was|have|has)\b"
)


def dangling(text: str) -> bool:
    """The sentence starts with a word that leans on one before it: "He", "But", "Meanwhile"."""
    return bool(_DANGLING.match(text) or _DANGLING_ANYWAY.match(text))


def speaks_itself(text: str) -> bool:
    """First or second person outside quotation marks: the outlet talks about itself or to its reader."""
    return bool(
        re.search(
            r"\b(?:I|[Ww]e|[Oo]ur|[Uu]s|[Mm]y|[Yy]ou|[Yy]our|[Ll]et[’']s)\b",
            unquoted(text).replace("U.S", ""),
        )
    )


def unquoted(text: str) -> str:
    """The text without what stands in double quotation marks."""
    return re.sub(r"“[^”]*”|\"[^\"]*\"", " ", text)
