"""How a sentence leans on others or on its outlet: pronouns without a name, "But", "we", "you". Pure."""

from __future__ import annotations

import re

from newsletter.stories.terms import stem

_DANGLING = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|Him|Them|This|These|Those|That|But|And|Or|So|Yet|Nor|Because|Meanwhile|However|Also|Still|"
    r"Then|Instead|Moreover|Furthermore|Additionally|Besides|Thus|Hence|Therefore|Nevertheless|Nonetheless|Indeed|Likewise|Similarly|"
    r"Otherwise|Afterwards?|Later|Earlier|Such|Here|There|Another|Others?|Both|Either|Neither|Consequently|Accordingly|Conversely|Rather|"
    r"Plus|Again|Even so|In addition|In contrast|In response|In turn|In other words|In fact|On the other hand|At the same time|"
    r"As a result|As such|(?:Hours|Days|Weeks|Minutes|Moments) (?:earlier|later)|For example|For instance|By contrast|After that|After this|Since then|Of course|To be sure|Elsewhere|"
    r"Among (?:them|those)|The (?:latter|former|pair|duo|two|same|other)\b|One of them|Speaking (?:to|at|on|in|during|after)|"
    r"Doing so|That said|What[’']s more|Even|Not only|Just|Well|Yes|No|Maybe|Perhaps|Now|Today|Like|Which|Who|Whose)\b"
    r"(?!\s+(?:week|weekend|month|year|summer|fall|autumn|winter|spring|morning|afternoon|evening|as|are|is|were|was|have|has)\b)"
)
_DANGLING_ANYWAY = re.compile(
    r"^[\"“‘']?(?:He|She|They|It|His|Her|Their|Its|This|That|These|Those|But|And|So|Such|Others?|Both|Which|Who|Another)\s+(?:as|are|is|were|was|have|has)\b"
)


# "A former harbor engineer, she also …": who it is stood in the sentence before. "First came his tour of …".
_UNNAMED_BEFORE = re.compile(
    r"^(?:An? [a-z][a-z ’'\-]{3,60}|(?:President|Director|Chairman|Chairwoman|Chair|Head|Founder|Owner|Author|Leader|Son|Daughter|Born) [^,“”\"]{3,80}),"
    r" (?:he|she|they) |^(?:First|Next|Then|Last) (?:came|comes|was|is) "
)

# What was told before and is only pointed at: "The comments came", "The move follows", "The news was confirmed".
_POINTS_BACK = re.compile(
    r"^The (?:latest |new |same )?(?P<what>move|news|comments?|remarks?|announcement|interview|statement|footage|video|post|message|letter|blast|"
    r"explosion|incident|attack|crash|violence|deaths?|arrest|charges?|ruling|decision|order|verdict|report|study|vote|talks|visit|"
    r"meeting|speech|figure|program|plan|bill|measure|law|suit|lawsuit|group|company|agency|department|man|woman|victims?|suspect|couple|"
    r"president|mayor|minister|judge|court|memo|document|investigation|symbolism of the day|process|information|"
    r"resolution in question|removal|proposal|complaint|filing|letters?|deal|agreement|transcripts?|candidates?)\b"
    r"(?! (?:of|in|that|who|which|by|from|against|to|for|over|between|on|at|with|called|known|named|behind)\b)"
)
# "The angry response prompted": said of something told before, whatever stands in between.
_ANSWERS = re.compile(
    r"^The (?:[a-z-]+ )?(?P<what>response|reaction|backlash|outcry|criticism|argument|appeal)\b(?! (?:of|to|from|by|against|over|that|in)\b)"
)
_TELLS_THE_NEWS = re.compile(
    r"\b(?:confirmed|broke|announced|shared) the (?P<what>news|reports?|arrest|move|deal)\b(?! (?:of|that|on|in)\b)"
)
# "“…,” the senator told reporters": who it was stood before. A court or a ministry that speaks is known by what it is.
_SPEAKER_TOLD_OF = re.compile(
    r"[”\"],? (?:said )?the (?:(?!court|statement|ministry|report|group|company|department|agency|union|police)[A-Za-z’'-]+ ){0,2}?"
    r"(?P<what>senator|congressman|congresswoman|lawmaker|governor|mayor|minister|premier|spokes(?:person|man|woman)|officer|"
    r"lawyer|attorney|director|chairman|analyst|expert|professor|candidate|source|man|woman)\b(?! (?:of|for|in|at)\b)"
    r"(?: (?:said|told|added|wrote|warned|noted|explained)\b|[,.]|$)"
)
_VOICE = re.compile(
    r"(?:said|says|told|wrote|added|asked|argued|warned|continued|explained|noted|insisted|tweeted|posted|called|claimed)"
)

# Days that only the day of writing makes plain; a weekday is plain for a week.
_DAY_OF_WRITING = re.compile(r"\b(?:yesterday|tomorrow)\b", re.IGNORECASE)
_CLAUSE_OF_PRONOUNS = re.compile(
    r"^(?:If|When|Once|After|Before|While|As|Although|Though|Since|Because|Unless|Until) (?:it|he|she|they|that|this)\b[^,]*, (?:it|he|she|they)\b"
)


def dangling(text: str) -> bool:
    """The sentence starts with a word that leans on one before it: "He", "But", "Meanwhile"."""
    leans = (_DANGLING, _DANGLING_ANYWAY, _CLAUSE_OF_PRONOUNS, _UNNAMED_BEFORE)
    return any(pattern.match(text) for pattern in leans)


def told_by_the_day(text: str) -> bool:
    """Outside quotation marks the sentence names a day by the day it was written on: "yesterday", "tomorrow"."""
    return bool(_DAY_OF_WRITING.search(unquoted(text)))


def points_back(text: str) -> bool:
    """The sentence's subject is something told before: good behind another sentence, not alone."""
    return pointed_at(text) is not None


def pointed_at(text: str) -> str | None:
    """The stem of what the sentence only points back at: "move" of "The move came after …"; None when it does not."""
    found = (
        _POINTS_BACK.match(text)
        or _ANSWERS.match(text)
        or _TELLS_THE_NEWS.search(unquoted(text))
        or _SPEAKER_TOLD_OF.search(text)
    )
    return stem(found["what"]) if found else None


def voiceless(text: str) -> bool:
    """Most of the sentence is a quotation and nobody is named who spoke it: nobody at all, or only "he" or "the source"."""
    around = unquoted(text)
    if len(around.split()) > 6 or around.strip() == text.strip():
        return False
    return not re.search(r"\b[A-Z][a-z]|\b(?:the|an?|one) [a-z]", around) or bool(
        re.match(
            rf"^\W*(?:he|she|they|it) (?:{_VOICE.pattern})\W*$|^\W*(?:{_VOICE.pattern}) (?:he|she|they)\W*$",
            around.strip(),
        )
    )


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
