"""A plainer sentence is offered before it is taken: the loaded clause goes, or an article of the same Side says it plainly."""

from __future__ import annotations

from datetime import UTC, datetime

from newsletter.feeds.leans import Side
from newsletter.issues.plainer import Offer, loaded_sentences, offers, plainer
from newsletter.summaries.grounding.gate import examine
from newsletter.summaries.protocol import ArticleText
from newsletter.summaries.story_text import Bullet, BulletKind, Citation, Sentence, Summary, Telling

AT = datetime(2026, 3, 2, tzinfo=UTC)
LEFT = "The council of Aldermoor voted by nine to six to reopen the bridge in spring, and its friends call that a triumph over a brazen mayor."
LEFT_PLAIN = "The council of Aldermoor voted on Sunday by nine to six to reopen the old bridge."
RIGHT = "The council of Aldermoor voted by nine to six to reopen the bridge, which critics say costs 40 million crowns."
RIGHT_LOADED = "The disgraceful bridge of Aldermoor will cost taxpayers 40 million crowns by the spring."
RIGHT_PLAIN = "The bridge of Aldermoor will cost taxpayers 40 million crowns, the mayor told the council."
ARTICLES = (
    ArticleText(1, "The Saltmarsh", Side.LEFT, "Bridge of Aldermoor to reopen", f"{LEFT} {LEFT_PLAIN}", AT, None),
    ArticleText(2, "The Rampart", Side.RIGHT, "Bridge of Aldermoor costs 40 million", f"{RIGHT} {RIGHT_LOADED}", AT, None),
    ArticleText(3, "The Bell", Side.RIGHT, "Council told of bridge costs", RIGHT_PLAIN, AT, None),
)  # fmt: skip


def _cited(text: str, article: int, passage: str = "") -> Sentence:
    return Sentence(text, (Citation(article, passage or text),))


def _telling(*bullets: Bullet, **more: object) -> Telling:
    return Telling("Bridge to reopen", lede=(_cited(LEFT_PLAIN, 1),), analysis=bullets, **more)  # type: ignore[arg-type]


def test_a_loaded_clause_is_cut_off_and_the_sentence_stays() -> None:
    both = Sentence(LEFT, (Citation(1, LEFT), Citation(2, RIGHT)))
    telling = _telling(Bullet(BulletKind.AGREE, both))
    plain = "The council of Aldermoor voted by nine to six to reopen the bridge in spring."
    assert offers(telling, ARTICLES) == [Offer(LEFT, plain)]
    (bullet,) = plainer(telling, ARTICLES).analysis
    assert (bullet.sentence.text, bullet.sentence.citations) == (plain, both.citations)
    assert not examine(plainer(telling, ARTICLES), ARTICLES).dropped


def test_a_difference_is_told_in_another_outlets_words_of_the_same_side() -> None:
    text = f"On the right, The Rampart writes: {RIGHT_LOADED}"
    telling = _telling(Bullet(BulletKind.DIFFER, _cited(text, 2, RIGHT_LOADED)))
    (offer,) = offers(telling, ARTICLES)
    assert offer.instead == f"On the right, The Bell writes: {RIGHT_PLAIN}"
    (bullet,) = plainer(telling, ARTICLES).analysis
    assert [c.article_id for c in bullet.sentence.citations] == [3]
    assert not examine(plainer(telling, ARTICLES), ARTICLES).dropped


def test_what_comes_next_is_never_told_by_what_came_before() -> None:
    telling = _telling(Bullet(BulletKind.NEXT, _cited(RIGHT_LOADED, 2)))
    for bullet in plainer(telling, ARTICLES).analysis:
        assert "will" in bullet.sentence.text
        assert bullet.sentence.text != RIGHT_LOADED


def test_where_nothing_is_plainer_a_bullet_goes_and_a_side_keeps_its_only_sentence() -> None:
    loaded = "It is a brazen, disgraceful shambles of a bus shelter in Millrace."
    lone = ArticleText(9, "The Lantern", Side.RIGHT, "A bus shelter", loaded, AT, None)
    telling = _telling(Bullet(BulletKind.DIFFER, _cited(loaded, 9)))
    assert offers(telling, (lone,)) == [Offer(loaded, goes=True)]
    assert plainer(telling, (lone,)).analysis == ()
    told = _telling(summaries=(Summary(Side.RIGHT, (_cited(loaded, 9),)),))
    assert offers(told, (lone,)) == [Offer(loaded)]
    assert loaded_sentences(plainer(told, (lone,))) == [loaded]


def test_only_the_sentence_that_is_meant_is_changed() -> None:
    one, two = Bullet(BulletKind.AGREE, _cited(LEFT, 1)), Bullet(BulletKind.NEXT, _cited(RIGHT_LOADED, 2))
    after = plainer(_telling(one, two), ARTICLES, only=RIGHT_LOADED)
    assert after.analysis[0] == one
