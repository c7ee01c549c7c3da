"""The kind of an Article from its headline, address, categories and text. All outlets and events are invented."""

from __future__ import annotations

from time import process_time

import pytest

from newsletter.feeds.kinds import ArticleKind, classify

PLAIN = "https://courier.example/harbor/bridge-vote"
SAYS = "The council of Port Orla voted 6-3 on Monday to close the old bridge. Repairs will cost 4 million dollars."

LABELLED = [
    ("OPINION: Port Orla must keep its bridge", ArticleKind.OPINION),
    ("Port Orla must keep its bridge | Opinion", ArticleKind.OPINION),
    ("Editorial | A bridge too dear", ArticleKind.OPINION),
    ("Letters to the editor: our readers on the bridge", ArticleKind.OPINION),
    ("Guest column: Why I cross on foot", ArticleKind.OPINION),
    ("Analysis: What the bridge vote means for the ferry", ArticleKind.ANALYSIS),
    ("EXPLAINER | How the bridge came to rust", ArticleKind.ANALYSIS),
    ("Fact check: Did the mayor promise a tunnel?", ArticleKind.ANALYSIS),
    ("LIVE: Council debates the bridge", ArticleKind.LIVE_BLOG),
    ("Council debates the bridge – live updates", ArticleKind.LIVE_BLOG),
    ("Council closes the bridge – Orla politics live", ArticleKind.LIVE_BLOG),
    ("Council closes the bridge – as it happened", ArticleKind.LIVE_BLOG),
    ("The Latest: Council debates the bridge", ArticleKind.LIVE_BLOG),
    ("Transcript: Mayor Ida Voss on 'The Long Table'", ArticleKind.TRANSCRIPT),
    ("Morning briefing: Bridge closed, ferry late", ArticleKind.ROUND_UP),
    ("County roundup: Bridge closed, ferry late", ArticleKind.ROUND_UP),
    ("5 things to know for May 4: Bridge, ferry, storm", ArticleKind.ROUND_UP),
    ("Bridge vote splits Port Orla and other world headlines", ArticleKind.ROUND_UP),
    ("Council closes bridge; Ferry runs late; Storm spares the coast", ArticleKind.ROUND_UP),
    ("Press release: Norrick Steel opens a mill", ArticleKind.PRESS_RELEASE),
    ("CORRECTION: Bridge story", ArticleKind.CORRECTION),
    ("Corrections and clarifications | May 4", ArticleKind.CORRECTION),
    ("SATIRE: Council closes the sea", ArticleKind.SATIRE),
    ("[Satire] Council closes the sea", ArticleKind.SATIRE),
    ("Council closes the sea (satire)", ArticleKind.SATIRE),
    ("Sponsored: Homes by the bridge from $400,000", ArticleKind.SPONSORED),
    ("Paid post | Homes by the bridge", ArticleKind.SPONSORED),
]

NEWS = [
    "Mayor: The bridge will stay closed",
    "Watch live: Council debates the bridge",
    "Live-action film of the bridge disaster opens",
    "Council closes the bridge",
    "Ferry line halts live animal transport",
    "White House press briefing turns to the bridge",
    "Mayor skips daily briefing on the bridge",
    "Transcripts of bridge inquiry released",
    "Court issues opinion on the bridge",
    "Opinion poll: Voss leads by four points",
    "Columnist Edda Brandt dies at 80",
    "Correction officers strike in Port Orla",
    "Market correction: shares fall 10 percent",
    "Letter: senators ask for an audit of the bridge",
    "Best trade deals in years, says minister",
    "Black Friday sales rise 3 percent",
    "Jackpot winner of Port Orla gives half away",
    "Visa lottery results delayed, agency says",
    "Horoscope writer dies at 90",
    "Satire magazine attacked in Port Orla",
    "Governor signs bill sponsored by Voss",
    "Israeli plan approved - World news - Orla News Agency",
    "Toll rises to 12; search continues",
]

ADDRESSES = [
    ("/opinion/keep-the-bridge", ArticleKind.OPINION),
    ("/2026/05/letters-to-the-editor/bridge", ArticleKind.OPINION),
    ("/analysis/what-the-vote-means", ArticleKind.ANALYSIS),
    ("/news/live/2026/05/04/bridge", ArticleKind.LIVE_BLOG),
    ("/orla/bridge-vote-live-updates-20417", ArticleKind.LIVE_BLOG),
    ("/transcripts/the-long-table", ArticleKind.TRANSCRIPT),
    ("/newsletters/dawn/bridge-closed", ArticleKind.ROUND_UP),
    ("/news/press-releases/mill", ArticleKind.PRESS_RELEASE),
    ("/corrections/2026-05-04", ArticleKind.CORRECTION),
    ("/satire/council-closes-the-sea", ArticleKind.SATIRE),
    ("/sponsored-content/homes", ArticleKind.SPONSORED),
    ("/shopping/best-kettles", ArticleKind.SHOPPING),
    ("/life/horoscopes/aries", ArticleKind.HOROSCOPE),
    ("/opinion-of-the-court/bridge", ArticleKind.NEWS),
    ("/news/court-opinion-on-bridge", ArticleKind.NEWS),
    ("/markets/deals/norrick-buys-mill", ArticleKind.NEWS),
    ("/en/live-news/council-closes-bridge", ArticleKind.NEWS),
    ("/news-opinion/council-closes-bridge", ArticleKind.NEWS),
]

FORMS = [
    (
        "Council debates the bridge",
        "11:40 a.m. The council has voted. 11:05 a.m. The mayor is speaking. 10:30 a.m. Good morning.",
        ArticleKind.LIVE_BLOG,
    ),
    (
        "The mayor on the bridge",
        "EDDA BRANDT: Good morning. Why close it? MAYOR VOSS: It is rusting. EDDA BRANDT: Since when? MAYOR VOSS: Years.",
        ArticleKind.TRANSCRIPT,
    ),
    ("A talk about the bridge", "IDA KELM, HOST: The bridge is closed. We ask why.", ArticleKind.TRANSCRIPT),
    ("Good morning, Orla", "Here are today's top stories from the coast.", ArticleKind.ROUND_UP),
    (
        "Norrick Steel Opens Mill",
        "PORT ORLA, May 4, 2026 /PRNewswire/ -- Norrick Steel today opened a mill.",
        ArticleKind.PRESS_RELEASE,
    ),
    (
        "Homes by the bridge",
        "This is sponsored content by Orla Homes. Live by the water.",
        ArticleKind.SPONSORED,
    ),
    (
        "Best Cyber Monday deals 2026: kettles and lamps",
        "The Brill kettle is down to $29 today.",
        ArticleKind.SHOPPING,
    ),
    (
        "The kettle we would buy again",
        "It costs $29. We may earn a commission when you buy through our links.",
        ArticleKind.SHOPPING,
    ),
    (
        "Grandball winning numbers for May 4",
        "The numbers drawn were 3, 9, 14, 31 and 44. Nobody won the jackpot.",
        ArticleKind.LOTTERY,
    ),
    ("Daily horoscope for May 4", "Aries: rest. Taurus: travel.", ArticleKind.HOROSCOPE),
    (
        "Close the bridge",
        "It is time. The views expressed here are those of the author.",
        ArticleKind.OPINION,
    ),
    # Near to each of these, and news all the same.
    (
        "Two fires in one night",
        "The first broke out at 11:40 p.m. and the second at 1:05 a.m. on Monday. Nobody was hurt.",
        ArticleKind.NEWS,
    ),
    (
        "Ferry late again",
        "PORT ORLA: The ferry ran late on Monday. Mayor Ida Voss: “We are sorry.” It will run again on Tuesday.",
        ArticleKind.NEWS,
    ),
    (
        "Cyber Monday deals lure shoppers, spending hits record $14 billion",
        "Shoppers spent more than ever on Monday, a bank said.",
        ArticleKind.NEWS,
    ),
    ("Coach praises his winning numbers", "The team scored 41 points on Monday.", ArticleKind.NEWS),
]


@pytest.mark.parametrize(("headline", "kind"), LABELLED)
def test_a_label_in_the_headline_names_the_kind(headline: str, kind: ArticleKind) -> None:
    assert classify(headline, PLAIN, (), SAYS) is kind


@pytest.mark.parametrize("headline", NEWS)
def test_news_that_uses_the_same_words_stays_news(headline: str) -> None:
    assert classify(headline, PLAIN, (), SAYS) is ArticleKind.NEWS


@pytest.mark.parametrize(("path", "kind"), ADDRESSES)
def test_a_whole_segment_of_the_address_names_the_kind(path: str, kind: ArticleKind) -> None:
    assert classify("Council closes the bridge", f"https://courier.example{path}", (), SAYS) is kind


@pytest.mark.parametrize(("headline", "text", "kind"), FORMS)
def test_the_form_of_the_text_shows_the_kind(headline: str, text: str, kind: ArticleKind) -> None:
    assert classify(headline, PLAIN, (), text) is kind


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        ("Opinion", ArticleKind.OPINION),
        ("News/Editorials", ArticleKind.OPINION),
        ("Sponsored Content", ArticleKind.SPONSORED),
        ("LiveBlogPosting", ArticleKind.LIVE_BLOG),
        ("Horoscopes", ArticleKind.HOROSCOPE),
        ("Deals", ArticleKind.NEWS),
        ("Live", ArticleKind.NEWS),
        ("Opinion polls", ArticleKind.NEWS),
    ],
)
def test_a_category_or_a_type_of_schema_org_names_the_kind(category: str, kind: ArticleKind) -> None:
    assert classify("Council closes the bridge", PLAIN, ("Orla", category), SAYS) is kind


def test_of_several_marks_the_one_that_leaves_most_out_counts() -> None:
    kind = classify(
        "Sponsored: Keep the bridge", "https://courier.example/opinion/bridge", ("Analysis",), SAYS
    )
    assert kind is ArticleKind.SPONSORED


@pytest.mark.parametrize("url", ["", "http://[::1", "mailto:ann@courier.example"])
def test_an_address_that_cannot_be_read_says_nothing(url: str) -> None:
    assert classify("Council closes the bridge", url) is ArticleKind.NEWS


@pytest.mark.parametrize(
    "text",
    [
        "A" * 60_000,
        "Aa Aa " * 10_000,
        "1:00 am " * 8_000,
        "(" * 60_000,
        "best deals " * 6_000,
        ": " * 30_000,
        "buy " * 15_000,
    ],
)
def test_hostile_text_takes_time_in_proportion_to_its_length(text: str) -> None:
    started = process_time()
    classify(text[:300], PLAIN, (text[:1_000],), text)
    assert process_time() - started < 1.0, "seconds of computing for 60,000 characters"
