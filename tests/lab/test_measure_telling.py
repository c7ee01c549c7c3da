"""A Telling measured against an expert: all that tells the whole Story, beside the articles' beginnings."""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.feeds.leans import Side
from newsletter.lab.evaluate.measure_telling import lead, measure, neutral_words
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Bullet, BulletKind, Citation, Question, Sentence, Summary, Telling

DAY = datetime(2026, 3, 2, tzinfo=UTC)
ARTICLES = [
    ArticleText(1, "A", Side.LEFT, "Wall", "The wall was approved. It costs much. It is high.", DAY),
    ArticleText(2, "B", Side.RIGHT, "Wall", "The council voted. The mayor smiled.", DAY),
]


def _sentence(text: str) -> Sentence:
    return Sentence(text, (Citation(1, text),))


TELLING = Telling(
    headline="Wall",
    lede=(_sentence("The wall was approved."),),
    overview=(_sentence("The council voted."),),
    analysis=(Bullet(BulletKind.AGREE, _sentence("It costs much.")),),
    summaries=(Summary(Side.RIGHT, (_sentence("The mayor smiled."),)),),
    questions=(Question("How high?", (_sentence("It is high."),)),),
)


def test_what_one_side_says_is_no_part_of_the_whole_storys_words() -> None:
    assert neutral_words(TELLING) == "The wall was approved. The council voted. It costs much. It is high."


def test_the_yardstick_takes_first_sentences_of_all_before_second_ones() -> None:
    assert lead(ARTICLES, 6) == "The wall was approved. The council voted."
    assert lead(ARTICLES, 9) == "The wall was approved. The council voted. It costs much."


def test_ours_and_the_yardstick_stand_beside_each_other() -> None:
    found = measure([(TELLING, ARTICLES, neutral_words(TELLING))])
    assert found["ours"] == {"rouge1": 100.0, "rouge2": 100.0, "rougeL": 100.0}
    assert found["lead"] == {"rouge1": 76.92, "rouge2": 75.0, "rougeL": 76.92}
    assert found["stories_with"] == {"agree": 100.0, "differ": 0.0, "next": 0.0, "questions": 100.0}
