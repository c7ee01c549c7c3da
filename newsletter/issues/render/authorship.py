"""Says who wrote an Issue, for readers and for machines: outlets, an AI model, an editor. Pure.

Text by a model is disclosed in words and, for machines, in a ``meta`` tag, a header line and JSON-LD, as Article 50 of the EU's
AI Act asks. The law exempts what an editor reviewed and answers for; we still name the model, and say that it was reviewed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from newsletter.formatting import counted
from newsletter.summaries.story_text import Sentence, StoryText, Verdict

# A term of schema.org, after IPTC: made by a trained model from what others wrote.
DIGITAL_SOURCE = "https://schema.org/TrainedAlgorithmicMediaDigitalSource"
AT_THE_TOP = "With summaries by an AI model, checked sentence by sentence."
REVIEWED = "An editor reviewed it before it was sent."
_EDITED = "our editors changed some sentences"


def in_own_words(sentence: Sentence) -> bool:
    """Return whether every word of the sentence is in one passage that it cites, so that an Outlet wrote it."""
    wanted = _words(sentence.text)
    return any(wanted <= _words(c.passage) for c in sentence.citations)


def by_model(text: StoryText) -> bool:
    """Return whether a model wrote any sentence of the Story. Text stored before models were judged is recognised by its words."""
    return any(
        s.verdict is Verdict.JUDGED or (s.verdict is Verdict.SUPPORTED and not in_own_words(s))
        for s in text.sentences()
    )


def written_line(texts: Iterable[StoryText]) -> str:
    """Return one sentence that says who wrote these Stories."""
    told = list(texts)
    modelled = sum(map(by_model, told))
    if not modelled:
        line = "Every sentence is quoted from the outlet named beside it; no AI wrote any of this"
    elif modelled == len(told):
        what = "this summary" if len(told) == 1 else "the summaries"
        line = f"An AI model wrote {what}, and every sentence was checked against the articles it cites"
    else:
        line = (
            f"An AI model wrote {modelled} of the {counted(len(told), 'summary', 'summaries')}, and every sentence was checked "
            "against the articles it cites; the others are quoted from the outlets named beside them"
        )
    edited = any(s.verdict is Verdict.OPERATOR for text in told for s in text.sentences())
    return f"{line}, and {_EDITED}." if edited else f"{line}."


def disclosure(texts: Iterable[StoryText], *, reviewed: bool = False) -> str:
    """Return the same for machines, such as ``mode=ai-originated``; empty when no model wrote anything.

    The form is a dictionary of RFC 9651 with the terms of the AI-Disclosure header (draft-abaris-aicdh).
    """
    if not any(map(by_model, texts)):
        return ""
    return 'mode=ai-originated, reviewed-by="editor"' if reviewed else "mode=ai-originated"


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
