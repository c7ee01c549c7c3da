"""An embedding model helps grouping when it answers, and does no harm when it does not."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from newsletter.errors import SettingsError
from newsletter.settings import Settings
from newsletter.stories import embeddings
from newsletter.stories.clustering import Piece, cluster, embedded_text
from newsletter.stories.embedding_scale import WEIGHT, with_scale
from newsletter.stories.embeddings import CachedEmbedder, EmbedderError, OpenAIEmbedder, unit_rows
from newsletter.stories.grouping import embeddings_of
from tests.servers.embedding_server import EmbeddingServer
from tests.shell import Shell

MEANINGS = {"ferry": 0, "vessel": 0, "bank": 1, "lender": 1, "fair": 2}
TEXTS = ["A ferry sank", "The bank cut rates", "A vessel went down", "A lender eased", "Nothing known"]


def asking(server: EmbeddingServer, timeout: float = 5.0) -> OpenAIEmbedder:
    return OpenAIEmbedder("small", server.base_url, "key", timeout)


def test_texts_become_rows_of_length_one_in_their_order_whatever_the_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embeddings, "BATCH", 2)
    with EmbeddingServer(MEANINGS, lambda number: "backwards") as server:
        found = asking(server).embed(TEXTS)
    assert found.shape == (5, 8)
    assert np.allclose(found @ found.T, np.array([[1, 0, 1, 0, 0], [0, 1, 0, 1, 0]] * 2 + [[0] * 5]))
    assert [len(a["input"]) for a in server.asked] == [2, 2, 1]
    assert {(a["path"], a["key"], a["model"]) for a in server.asked} == {
        ("/v1/embeddings", "Bearer key", "small")
    }


def test_a_server_that_is_busy_is_asked_again() -> None:
    with EmbeddingServer(MEANINGS, lambda number: "429" if number < 3 else "") as server:
        assert asking(server).embed(TEXTS).shape == (5, 8)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", ["500", "401", "one missing", "another width", "no number", "no list", "cut off", "hang"]
)
def test_what_cannot_be_used_is_refused_in_one_sentence_and_words_alone_decide(fault: str) -> None:
    with EmbeddingServer(MEANINGS, lambda number: fault) as server:
        with pytest.raises(EmbedderError, match=r"^The embedding model.*\.$"):
            asking(server, 0.2).embed(TEXTS)
        assert (
            embeddings_of([Piece(n, text, "") for n, text in enumerate(TEXTS)], asking(server, 0.2)) is None
        )


@pytest.mark.slow
def test_nobody_there_is_no_fault_of_the_articles() -> None:
    with EmbeddingServer(MEANINGS) as server:
        url = server.base_url
    with pytest.raises(EmbedderError):
        OpenAIEmbedder("small", url, timeout=0.5).embed(TEXTS)


def test_a_text_is_asked_about_once_and_forgotten_with_its_article(tmp_path: Path) -> None:
    with EmbeddingServer(MEANINGS) as server:
        kept = CachedEmbedder(asking(server), tmp_path / "v.npz")
        first = kept.embed(TEXTS[:3])
        assert np.array_equal(kept.embed(TEXTS[:3]), first)
        assert len(server.asked) == 1
        kept.embed(TEXTS[2:])
        assert server.asked[-1]["input"] == TEXTS[3:]
        kept.embed(TEXTS[:1])
        assert server.asked[-1]["input"] == TEXTS[:1], "the file holds the last call's texts alone"
        (tmp_path / "v.npz").write_bytes(b"torn")
        assert np.array_equal(kept.embed(TEXTS[:1]), first[:1])


PLAIN = {"PATH": "/usr/bin:/bin"}
# Six happenings, each told by three in nearly the same words: what the scale of a model is read off.
COPIED = [
    Piece(
        f"{deed}-{n}",
        f"{deed.title()} at {place} {end}",
        f"The {deed} at {place} {end} drew {crowd} from {origin} on {day}.",
    )
    for deed, place, crowd, origin, day in (
        ("regatta", "Lorne Bay", "sailors", "Quillan", "Friday"),
        ("quarrel", "Marrow Hall", "ushers", "Tressel", "Thursday"),
        ("harvest", "Dunmere Vale", "pickers", "Osprey", "Tuesday"),
        ("inquest", "Belwick Court", "clerks", "Vantry", "Monday"),
        ("eclipse", "Corran Peak", "watchers", "Hallow", "Sunday"),
        ("auction", "Farrow Square", "bidders", "Norvane", "Saturday"),
    )
    for n, end in enumerate(("ends", "over", "closes"))
]
KNOWN = {**MEANINGS, "regatta": 2, "quarrel": 3, "harvest": 4, "inquest": 5, "eclipse": 6, "auction": 7}
APART = [
    Piece(0, "Ferry down off Tarn", "Rescue came late, and families wait in the harbour.", date(2026, 3, 1)),
    Piece(
        1, "Vessel lost in storm", "Helicopters flew over the waves near Tarn until dawn.", date(2026, 3, 4)
    ),
    Piece(2, "Bank cuts rates", "Savers lose while borrowers gain.", date(2026, 3, 1)),
    Piece(
        3, "Lender eases policy", "Prices fell since winter, so the key rates come down.", date(2026, 3, 4)
    ),
]


def test_meaning_brings_together_what_words_leave_apart() -> None:
    told = APART + COPIED
    with EmbeddingServer(KNOWN) as server:
        helped = cluster(told, embeddings_of(told, asking(server)))
    alone = cluster(told)
    assert len(set(alone[:4])) == 4
    assert helped[0] == helped[1] != helped[2] == helped[3]
    for found in (alone, helped):
        assert len(set(found[4:])) == 6


def test_a_model_whose_cosines_are_all_high_helps_as_well() -> None:
    told = APART + COPIED
    with EmbeddingServer(KNOWN) as server:
        vectors = asking(server).embed([embedded_text(piece) for piece in told])
    # The same, but that any two texts have .8 in common: a cosine of 0 becomes .8, one of 1 stays.
    narrow = np.hstack([vectors * 0.2**0.5, np.full((len(told), 1), 0.8**0.5)])
    assert cluster(told, unit_rows(narrow)) == cluster(told, vectors) != cluster(told)


def test_a_model_that_tells_nothing_apart_and_one_of_unknown_scale_are_not_heard() -> None:
    told = APART + COPIED
    same = np.ones((len(told), 4)) / 2
    assert cluster(told, same) == cluster(told)
    with EmbeddingServer(KNOWN) as server:
        few = embeddings_of(APART, asking(server))
    assert few is not None
    assert cluster(APART, few) == cluster(APART)


def test_the_scale_is_read_off_pairs_that_are_sure_and_pairs_that_lie_apart() -> None:
    # One happening told by six, every other a little differently, and six that tell another; of one more nothing is known.
    told = [[1.0, 0.2 * (n % 2), 0.0] if n < 6 else [0.0, 0.0, 1.0] for n in range(12)]
    vectors = unit_rows([*told, [0.0, 0.0, 0.0]])
    sure = sparse.csr_matrix(np.pad(np.ones((6, 6)), (0, 7)))
    found = with_scale(vectors, sure)
    assert found is not None
    assert found.same == pytest.approx(vectors[0] @ vectors[1])
    assert found.other == pytest.approx(0.0)
    assert found.known.tolist() == [True] * 12 + [False]
    same, other, unknown = found.adjustments(np.array([0, 0, 0]), np.array([1, 6, 12]))
    assert (same, other, unknown) == pytest.approx((WEIGHT / 2, -WEIGHT / 2, 0.0))
    assert with_scale(vectors, sparse.csr_matrix((13, 13))) is None


@pytest.mark.parametrize("times", [1.0, 1e200, 1e-200])
def test_however_large_the_numbers_a_row_has_length_one(times: float) -> None:
    assert unit_rows([[3 * times, 4 * times], [0.0, 0.0]]) == pytest.approx(
        np.array([[0.6, 0.8], [0.0, 0.0]])
    )
    assert unit_rows([]).size == 0
    assert unit_rows([[], []]).shape == (2, 0)


@pytest.mark.slow
def test_the_model_s_help_is_measured(shell: Shell, tmp_path: Path) -> None:
    told = APART + COPIED
    label = [0, 0, 1, 1] + [2 + n // 3 for n in range(18)]
    rows = [
        json.dumps(
            {"id": p.id, "title": p.title, "text": p.text, "date": p.date and p.date.isoformat(), "label": of}
        )
        for p, of in zip(told, label, strict=True)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    words = ("evaluate", "clusters", "rows.jsonl")

    def f1(*more: str) -> float:
        done = shell(*words, *more, cwd=tmp_path, env=model)
        assert done.returncode == 0, done.stderr
        return float(json.loads(done.stdout)["b3_f1"])

    with EmbeddingServer(KNOWN) as server:
        model = {"EMBEDDING_MODEL": "small", "EMBEDDING_BASE_URL": server.base_url, **PLAIN}
        assert f1("--meanings") == 1.0 > f1()
    for env, said in ((PLAIN, "set EMBEDDING_MODEL"), (model, "The embedding model did not answer")):
        done = shell(*words, "--meanings", cwd=tmp_path, env=env)
        assert done.returncode != 0
        assert said in done.stderr
        assert "Traceback" not in done.stderr


def test_a_model_needs_an_address_or_a_key() -> None:
    assert embeddings.make(Settings(_env_file=None)) is None  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="EMBEDDING_BASE_URL"):
        embeddings.make(Settings(_env_file=None, EMBEDDING_MODEL="small"))  # type: ignore[call-arg]
