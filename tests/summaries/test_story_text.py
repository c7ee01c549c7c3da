"""The stored form of a Story's words, and the form that came before it."""

from __future__ import annotations

import json

from newsletter.feeds.leans import Side
from newsletter.summaries.story_text import (
    NEVER_JUDGED,
    Citation,
    PickedHeadline,
    Question,
    Quote,
    Row,
    RowKind,
    Sentence,
    StoryKind,
    StoryText,
    Verdict,
    from_json,
    to_json,
)

SENTENCE = Sentence("The dam at Orrin held.", (Citation(4, "The dam at Orrin held."),), 0.75)
WRITTEN = Sentence("We think so.", (), 0.0, Verdict.OPERATOR, "no article says so")
STORY = StoryText(
    headline="Dam at Orrin holds",
    kind=StoryKind.BLIND_SPOT,
    lede=(SENTENCE,),
    overview=(WRITTEN,),
    headlines=(PickedHeadline(Side.LEFT, 4, "Dam held by luck", ((9, 16),)),),
    rows=(
        Row(RowKind.NOT_DISPUTED, (SENTENCE,)),
        Row(RowKind.ONLY_ONE_SIDE, (SENTENCE,), Side.RIGHT),
    ),
    quotes=(Quote("It held", "Ann Pell", None, Citation(7, "“It held,” Ann Pell said.")),),
    questions=(Question("Who is Ann Pell?", (SENTENCE,)),),
)


def test_a_story_survives_being_stored() -> None:
    assert from_json(json.loads(json.dumps(to_json(STORY)))) == STORY


def test_everything_cited_is_known() -> None:
    assert STORY.cited() == {4, 7}


def test_the_older_form_keeps_what_still_has_a_place() -> None:
    def said(text: str) -> dict[str, object]:
        return {"text": text, "cites": [{"article": 1, "passage": text}]}

    story = from_json(
        {
            "headline": "Dam holds",
            "lede": [said("It held.")],
            "analysis": [
                {"kind": "agree", **said("All say so.")},
                {"kind": "differ", **said("They differ.")},
                {"kind": "next", **said("A vote follows.")},
            ],
            "summaries": [
                {
                    "side": "left",
                    "sentences": [said("Left says.")],
                    "quotes": [
                        {"words": "Held", "speaker": "Pell", "article": 1, "passage": "“Held,” Pell said."}
                    ],
                },
                {"side": "center", "sentences": [said("Center says.")]},
                {"side": "right", "sentences": [said("Right says.")]},
            ],
            "questions": [{"question": "Why?", "answer": [said("Because.")]}],
            "side_words": {"left": ["luck"]},
        }
    )
    assert [(r.kind, r.sentences[0].text) for r in story.rows] == [
        (RowKind.LEFT_STRESSES, "Left says."),
        (RowKind.RIGHT_STRESSES, "Right says."),
        (RowKind.NEXT, "A vote follows."),
    ]
    assert story.lede[0].text == "It held."
    assert [(q.words, q.side) for q in story.quotes] == [("Held", Side.LEFT)]
    assert story.questions[0].question == "Why?"


def test_an_operators_sentence_stored_before_judging_says_so() -> None:
    row = {"text": "So.", "cites": [], "verdict": "operator"}
    (sentence,) = from_json({"headline": "H", "lede": [row]}).lede
    assert (sentence.support, sentence.refused) == (0.0, NEVER_JUDGED)
