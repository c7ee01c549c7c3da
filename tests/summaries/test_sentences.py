"""Sentences that may be published are whole and clean: no headings, datelines, captions or cut-off ends. All texts are invented."""

from __future__ import annotations

import pytest

from newsletter.summaries.boilerplate import is_clutter, trimmed, without_heading
from newsletter.summaries.coherence import dangling, points_back, speaks_itself, voiceless
from newsletter.summaries.run_ons import second_start
from newsletter.summaries.segmentation import pieces, split

TRUE = "The town council of Marlow Bay approved a new harbor wall on Tuesday after a long debate."


@pytest.mark.parametrize(
    ("headline", "heading"),
    [
        (
            "Marlow Bay council approves harbor wall after debate",
            "Marlow Bay council approves harbor wall after debate",
        ),
        ("Marlow Bay council approves harbor wall", "Marlow Bay Council Approves New Harbor Wall"),
        ("Council's harbor wall approved", "Divided council in seaside town votes for contested wall"),
        ("Marlow Bay council approves harbor wall - The Heron", "Marlow Bay council approves harbor wall"),
    ],
)
def test_a_headline_run_into_the_text_is_taken_off(headline: str, heading: str) -> None:
    assert [p.text for p in pieces(f"{heading} {TRUE}", headline)] == [TRUE]


def test_what_is_alike_but_a_sentence_of_its_own_stays_whole() -> None:
    text = "Dana Whitlock was taken into custody by harbor police Monday morning in Marlow Bay after she checked in."
    assert without_heading(text, "Dana Whitlock taken into custody by harbor police") == text


@pytest.mark.parametrize(
    "name", ["The Marlow Herald", "The Hague", "The New Marlow Times", "A Tale of Two Harbors"]
)
def test_names_with_an_article_do_not_cut_a_sentence(name: str) -> None:
    text = f"The mayor of the seaside town told {name} that the wall was needed before the winter storms."
    assert without_heading(text, "Mayor defends wall") == text


def test_an_opening_said_twice_is_a_heading() -> None:
    text = (
        "Harbor boss Dana Whitlock held days after release, faces questions in Quorn Harbor boss Dana Whitlock was "
        "again held by police on Monday."
    )
    assert without_heading(text, "Other words").startswith("Harbor boss Dana Whitlock was again held")


@pytest.mark.parametrize(
    "dateline",
    [
        "MARLOW BAY (CNN, WXYZ/WABC) - ",
        "MARLOW BAY, Texas (AP) — ",
        "MARLOW BAY, Aug. 22 (Xinhua) -- ",
        "MARLOW, Texas (Covering Marlow News) – ",
        "Updated 22 August 2025 at 17:22 IST ",
        "August 22, 2025",
        "August 23, 2025 Hour: 12:19 am ",
        "Marlow Bay, Aug 22 — ",
        "COLOMBO: ",
    ],
)
def test_datelines_are_taken_off_and_the_rest_is_verbatim(dateline: str) -> None:
    text = dateline + TRUE
    assert [p.passage for p in pieces(text)] == [TRUE]
    assert TRUE in text


def test_a_dateline_in_the_middle_ends_what_stands_before_it() -> None:
    assert trimmed(f"The council has voted for a wall MARLOW, Texas -- {TRUE}") == TRUE


@pytest.mark.parametrize(
    "caption",
    [
        "Dana Whitlock, right, and her brother Cole Whitlock, center, arrive at the harbor office in Marlow Bay.",
        "Mayor Dana Whitlock is seen in front of the harbor wall in Marlow Bay last winter.",
        "Mayor Dana Whitlock speaks in the harbor office of Marlow Bay, Friday, Aug. 22, 2025, in Quorn.",
        "Former mayor Dana Whitlock is arrested in Marlow Bay, Quorn, on Aug. 22, 2025.",
        "File - The harbor wall of Marlow Bay before the storm of last winter.",
        "The harbor wall of Marlow Bay before the storm (Photo by Ann Teal for the town).",
    ],
)
def test_captions_are_no_sentences(caption: str) -> None:
    assert is_clutter(caption)
    assert pieces(caption) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Sign up for our newsletter to read the full story every morning at home.",
        "The council approved the wall and then went on to",
        "The council approved the wall and sent the bill to the governor of...",
        "Will the council of Marlow Bay approve the wall on Tuesday this week?",
        "After 24 weeks, the price increases to the regular rate of $19.00 every four weeks.",
        '"The wall will stand, said the mayor of Marlow Bay on Tuesday.',
    ],
)
def test_furniture_questions_and_unfinished_sentences_are_left_out(text: str) -> None:
    assert pieces(text) == ()


def test_short_forms_do_not_end_sentences() -> None:
    text = "Gov. Dana Whitlock met Sen. Cole Teal at 5 p.m. in the U.S. Capitol. The talks went on."
    assert split(text) == (
        "Gov. Dana Whitlock met Sen. Cole Teal at 5 p.m. in the U.S. Capitol.",
        "The talks went on.",
    )


def test_sentences_that_lean_on_others_are_known() -> None:
    assert dangling("He told the council that it would stand.")
    assert dangling("But the council refused.")
    assert not dangling(TRUE)
    assert not dangling("This week the council of Marlow Bay meets.")
    assert speaks_itself("We asked the mayor for an answer.")
    assert not speaks_itself("“We are ready,” the mayor said.")


def test_a_sentence_may_end_with_who_said_so() -> None:
    text = "The council of Marlow Bay approved 1,200 new berths on Tuesday, the mayor said."
    assert [p.text for p in pieces(text)] == [text]


@pytest.mark.parametrize(
    "dateline",
    [
        "Aug. 21 (UPI) -- ",
        "August 21 (UPI) — ",
        "21 Aug. (AFP) - ",
        "Aug. 21, 2031 (Reuters) - ",
        "Thursday, Aug. 21 (UPI) -- ",
        "Aug. 21 -- ",
        "MARLOW BAY, Aug. 21 (UPI) -- ",
        "Harbor wall stays Aug. 21 (UPI) -- ",
    ],
)
def test_a_dateline_with_a_date_is_taken_off(dateline: str) -> None:
    assert [p.text for p in pieces(dateline + TRUE)] == [TRUE]


def test_a_date_that_belongs_to_the_sentence_stays() -> None:
    text = "Aug. 21 was the day on which the council of Marlow Bay (MBC) approved the wall."
    assert trimmed(text) == text


def test_a_governors_party_makes_no_caption_and_a_quotation_of_two_sentences_stays_whole() -> None:
    party = "Lawmakers in Quorn voted on Thursday to overrule Gov. Dana Whitlock (R) on the harbor wall."
    spoken = "“The wall will stand. It will outlast all of us,” Whitlock told the council of Marlow Bay."
    assert [p.text for p in pieces(f"{party} {spoken}")] == [party, spoken]
    assert all(p.passage in f"{party} {spoken}" for p in pieces(f"{party} {spoken}"))


@pytest.mark.parametrize(
    "before",
    [
        "Deir al-Quorn: ",
        "Original story: ",
        "Ruling protects dozens of harbors ISTANBUL ",
        "Whitlock was mayor a record six times COLOMBO, Aug 22 — ",
        "Whitlock plays the ruling down Key topics: ",
    ],
)
def test_what_stands_before_a_sentence_without_belonging_to_it_is_taken_off(before: str) -> None:
    text = "A judge in Quorn ordered the harbor of Marlow Bay to be opened on Tuesday."
    assert [p.text for p in pieces(before + text)] == [text]


def test_a_heading_in_capitals_with_the_text_run_into_it_is_no_sentence() -> None:
    heading = "Council Releases Harbor Transcript in Rush to Appease Fishermen Dana Whitlock is still struggling to contain it."
    assert pieces(heading) == ()
    officials = (
        "Harbor Secretary Dana Whitlock and Guild Chairman Anton Weir told the council to wait until Friday."
    )
    assert [p.text for p in pieces(officials)] == [officials]


@pytest.mark.parametrize(
    "text",
    [
        "The vote was the first in which a mayor was detained Former Marlow mayor Dana Whitlock was held on Friday night.",
        "Dana Whitlock Tells Court She ‘Likes’ And ‘Admires’ Him Dana Whitlock understood what was wanted of her.",
        "Harbor strikes, wall votes and more in the Daily: August 21, 2031 Seventy people are out of work in Marlow.",
        "Mayor awaits her fate Billionaire and former harbor chief Dana Whitlock was cleared of all charges on Friday.",
        "The council calls the wall 'a waste of money' Dana Whitlock's party said it would vote for the plan on Friday.",
        "Marlow Bay 'welcomes' the wall: Whitlock Harbor Minister Dana Whitlock said on Friday that it would be built.",
        "The town’s own figures show that one berth in six is empty That share is high for a harbor of its size.",
    ],
)
def test_a_sentence_that_begins_inside_another_is_known(text: str) -> None:
    assert second_start(text)
    assert pieces(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "The Harbor Court of Appeals ruled on Friday that the council of Marlow Bay Supreme Court cases must wait.",
        "The council told the Marlow Post that the “big wall” Friday vote had been moved by a week.",
        "He was asked why he felt 'certain' President Whitlock would sign the plan of the council on Friday.",
        "The mayor has spoken on Quorn’s Face the Town, a programme, of the wall on a Sunday in March.",
    ],
)
def test_names_in_the_middle_of_a_sentence_start_none(text: str) -> None:
    assert not second_start(text)


@pytest.mark.parametrize(
    ("shown", "label"),
    [
        (TRUE, "Why it matters: "),
        (TRUE, "The News "),
        (TRUE, "COUNCIL BUILDS WALL AT LAST: "),
        (TRUE, "(The Quorn News)—"),
        (TRUE, "Marlow [Quorn] August 25 (QNA/TPS): "),
        (TRUE, "Harbor wall wanted - Country: - Quorn "),
    ],
)
def test_labels_of_parts_are_taken_off(label: str, shown: str) -> None:
    assert [p.text for p in pieces(label + shown)] == [shown]


def test_shouted_first_words_are_lowered_and_short_names_are_not() -> None:
    assert pieces("THE council of Marlow Bay approved the wall on Tuesday.")[0].text.startswith("The council")
    assert pieces("A MAN was hurt when the wall of Marlow Bay fell.")[0].text.startswith("A man was")
    assert pieces("US builders have approved the wall of Marlow Bay.")[0].text.startswith("US builders")


def test_other_languages_and_calls_to_pay_are_left_out() -> None:
    assert (
        pieces("El alcalde de la ciudad ha dicho que el muro del puerto se va a construir en la bahía.") == ()
    )
    assert pieces("You are reading the free version, upgrade to a paid membership to unlock the rest.") == ()


@pytest.mark.parametrize(
    "ending",
    ["The mayor expects it to cost another $10.", "The wall was backed by Judges James C.", "It is a plan that Teal hoped.",
     "The town wants 300 new berths by the summer,.", "The $1.9 million harbor package."],
)  # fmt: skip
def test_an_excerpt_cut_within_a_sentence_loses_that_sentence_only(ending: str) -> None:
    assert [p.text for p in pieces(f"{TRUE} {ending}")] == [TRUE]


def test_numbers_of_bills_and_initials_do_not_end_sentences() -> None:
    text = "The council passed H. Res. 601, the plan of Judge James C. Teal, on Tuesday."
    assert split(text) == (text,)


def test_a_quotation_without_a_voice_leans_on_what_stood_before_it() -> None:
    assert voiceless("“The wall will outlast all of us here.”")
    assert voiceless("“The wall will outlast all of us here,” he said.")
    assert not voiceless("“The wall will outlast all of us here,” Mayor Whitlock said.")
    assert not voiceless("“The wall will outlast all of us here,” said one resident.")
    assert not voiceless(TRUE)


def test_a_subject_told_before_stands_behind_another_sentence_only() -> None:
    assert points_back("The comments came a day after the vote.")
    assert points_back("The move follows a debate of nine hours.")
    assert not points_back("The council of Marlow Bay approved the wall.")
    assert not points_back("The ruling of the harbor court was read out on Friday.")
    assert dangling("If it passes, it will head to the harbor court.")
    assert not dangling("After he was cleared, Mayor Cole Teal thanked the court.")


def test_a_word_printed_twice_by_mistake_is_printed_once() -> None:
    text = "The wall leads to the the second pier of Marlow Bay, a mile and a half away. It had had no gate before that year."
    first, second = pieces(text)
    assert first.text == "The wall leads to the second pier of Marlow Bay, a mile and a half away."
    assert first.passage in text
    assert "had had" in second.text
