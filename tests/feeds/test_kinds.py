"""The kind of an Article from its headline, address, categories and text. All outlets and events are invented."""

from __future__ import annotations

from time import process_time

import pytest

from newsletter.feeds.kinds import GROUPED, ArticleKind, classify

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


SOLD = [  # headline, text
    (
        "The 15 best kettles of 2026, tested and reviewed",
        "We tested 42 kettles. Our top pick is the Brill 9, which costs $129.",
    ),
    ("Brill earbuds drop to lowest price ever", "The earbuds are $79, down from $149."),
    (
        "These boots are 40% off right now",
        "The Trekka boots are 40% off in every color. Shoppers say they fit.",
    ),
    ("25 gifts for dads who have everything", "From a $20 kit to a smart grill, here are our favorites."),
    (
        "Get three months of Orla Stream for $1",
        "Orla Stream is offering three months for $1 to new subscribers.",
    ),
    (
        "Today’s best deals: vacuums, lamps and a $15 kettle",
        "Here are the best discounts on vacuums and lamps.",
    ),
    ("Prime Day is back: everything you need to know", "The sale returns on July 8 with discounts on lamps."),
    ("Labor Day mattress sales: up to 60% off", "Brands are cutting prices by up to 60%. Shop our picks."),
]
DRAWN = [
    (
        "Grandball numbers for Saturday",
        "The numbers drawn were 3, 14, 22, 41 and 60. The jackpot was $140 million.",
    ),
    (
        "Grandball jackpot climbs to $820 million",
        "No ticket matched all numbers. The next drawing is on Monday.",
    ),
    ("Did anyone win? Grandball results for May 4", "Nobody matched all numbers: 4, 18, 22, 37 and 61."),
    (
        "Pick 3 and Cash 5 results for May 4",
        "Pick 3: 4-1-9. Cash 5: 3, 14, 22, 31, 40. The Orla Lottery draws every night.",
    ),
]
STARS = [
    (
        "Your star sign’s forecast for the week",
        "Mercury moves into Sagittarius, and Aries will feel it first.",
    ),
    ("Aries to Pisces: what the stars say today", "Aries, money comes. Taurus, take rest."),
    ("Astrology for December: Scorpio finds love", "December brings Virgo a raise."),
]
SERVED = [
    ("Orla Words today: hints and answer for May 4", "The answer is a kind of boat."),
    ("How to watch Orla Rovers vs. Norrick: TV channel, start time", "The match begins at 1 p.m."),
    ("Are banks open on Harbor Day? What’s open and closed", "Banks are closed on Monday."),
]
OFFERS = [
    *[(*row, ArticleKind.SHOPPING) for row in SOLD],
    *[(*row, ArticleKind.LOTTERY) for row in DRAWN],
    *[(*row, ArticleKind.HOROSCOPE) for row in STARS],
    *[(*row, ArticleKind.SERVICE) for row in SERVED],
]
NO_OFFERS = [  # near to one of these, and news all the same
    ("Black Friday sales hit a record $11 billion", "Shoppers spent $11 billion and liked the discounts."),
    ("Tariffs to raise price of toys by $15, retailers warn", "Retailers said toys will cost $15 more."),
    (
        "Norrick recalls 40,000 kettles after fires",
        "The $129 kettles caught fire. The best thing is to unplug them.",
    ),
    ("Workers to get $1,000 after strike at Norrick", "The mill is offering $1,000 to each worker."),
    ("Gas falls to lowest price since 2021", "Gas costs $2.89 a gallon, $0.20 less than a year ago."),
    ("Best trade deals in years, says minister", "The deals cut $2 from the price of steel."),
    (
        "Lottery director resigns over audit",
        "The director of the Orla Lottery resigned. The audit found missing jackpots.",
    ),
    (
        "Couple claims $180 million jackpot",
        "The couple from Norrick claimed the jackpot on Monday and paid taxes on it.",
    ),
    ("Draft lottery: Orla Rovers pick first", "Orla Rovers won the lottery and will pick first on May 4."),
    ("Voss beats Kelm 6-4, 3-6, 7-5", "Edda Voss won 6-4, 3-6, 7-5 on Sunday to open her half of the draw."),
    ("Cargo ship Aries collides with ferry Gemini", "The Aries and the Gemini collided in fog."),
    ("Planet found in the constellation Leo", "The planet circles a star in Leo every 12 days."),
    ("Banks to stay closed on Monday as workers strike", "Workers walked out of 40 banks."),
]


@pytest.mark.parametrize(("headline", "text", "kind"), OFFERS)
def test_what_sells_draws_or_foretells_is_no_news(headline: str, text: str, kind: ArticleKind) -> None:
    assert classify(headline, PLAIN, (), text) is kind
    assert kind not in GROUPED


@pytest.mark.parametrize(("headline", "text"), NO_OFFERS)
def test_news_of_sales_lotteries_and_stars_stays_news(headline: str, text: str) -> None:
    assert classify(headline, PLAIN, (), text) is ArticleKind.NEWS


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
