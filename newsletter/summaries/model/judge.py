"""A model that says which sentences their cited Articles carry. Without its usable answer no model's words are published."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from newsletter.summaries.model.prompt import JUDGE_INSTRUCTIONS, judge_prompt
from newsletter.summaries.model.schema import Asks, Finding, Findings, Piece
from newsletter.summaries.protocol import ArticleText, SummarizerError

TOKENS_A_FINDING = 120  # at most, in the judge's answer; chosen by hand
NOT_JUDGED = Finding(n=0, supported=False, reason="the judge did not answer for it")
# False sentences, one of which is put among the others: a judge that supports it (it says yes to everything, or was told to)
# is not believed. No Article of any Story carries them.
CONTROLS = (
    "The harbor ferry at Sunde sank overnight with 31 goats on board, and its captain was fined 900 crowns.",
    "Voters on the island of Hale rejected a second airport by 812 votes, the returning officer said.",
    "The clockmakers' guild of Brennick moved its museum into a former mint on 14 March.",
    "A frost in the Ulmen valley destroyed four fifths of the pear harvest, growers reported.",
)


@dataclass(frozen=True)
class Judge:
    """Judges all sentences of a Story in one call."""

    asker: Asks

    def findings(
        self, pieces: Sequence[Piece], articles: Sequence[ArticleText], *, now: datetime
    ) -> list[Finding]:
        """A Finding for each piece, in order. ``articles`` are those shown to the writer, in the order of their numbers.

        Raises SummarizerError when the judge gives no usable answer: none at all, or yes to a sentence that is false.
        """
        if not pieces:
            return []
        rows = [{"part": p.part, "text": p.text, "cites": list(p.cites)} for p in pieces]
        digest = int(hashlib.sha256("\n".join(p.text for p in pieces).encode()).hexdigest(), 16)
        planted = digest % (len(pieces) + 1)
        control = {"part": "what happened", "text": CONTROLS[digest // 97 % len(CONTROLS)]}
        rows.insert(planted, {**control, "cites": list(pieces[planted - 1].cites)})
        asked = judge_prompt(articles, ({"n": n, **row} for n, row in enumerate(rows, start=1)), now=now)
        most = 200 + TOKENS_A_FINDING * len(rows)
        answer = self.asker.ask(Findings, JUDGE_INSTRUCTIONS, asked, most_tokens=most)
        by_number: dict[int, Finding] = {}
        for finding in answer.findings:
            known = by_number.get(finding.n)
            if known is None or known.supported:  # of two answers for one sentence the refusal counts
                by_number[finding.n] = finding
        found = [by_number.get(n, NOT_JUDGED) for n in range(1, len(rows) + 1)]
        if found.pop(planted).supported:
            raise SummarizerError("the judge supports a sentence that is false; it is not believed")
        if all(f is NOT_JUDGED for f in found):
            raise SummarizerError("the judge answered for no sentence")
        return found
