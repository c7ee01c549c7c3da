"""An embedding model helps grouping when it answers, and costs nothing but its help when it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "servers"))
from embedding_server import EmbeddingServer

from newsletter.errors import SettingsError
from newsletter.newsroom import embedders
from newsletter.newsroom.clusters import Piece, cluster
from newsletter.newsroom.embedders import EmbedderError, KeptVectors, OpenAIEmbedder
from newsletter.newsroom.group import meanings_of
from newsletter.settings import Settings

MEANINGS = {"ferry": 0, "vessel": 0, "bank": 1, "lender": 1, "fair": 2}
TEXTS = ["A ferry sank", "The bank cut rates", "A vessel went down", "A lender eased", "Nothing known"]


def asking(server: EmbeddingServer, timeout: float = 5.0) -> OpenAIEmbedder:
    return OpenAIEmbedder("small", server.base_url, "key", timeout)


def test_texts_become_rows_of_length_one_in_their_order_whatever_the_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(embedders, "BATCH", 2)
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


@pytest.mark.parametrize(
    "fault", ["500", "401", "one missing", "another width", "no number", "no list", "cut off", "hang"]
)
def test_what_cannot_be_used_is_refused_in_one_sentence_and_words_alone_decide(fault: str) -> None:
    with EmbeddingServer(MEANINGS, lambda number: fault) as server:
        with pytest.raises(EmbedderError, match=r"^The embedding model.*\.$"):
            asking(server, 0.2).embed(TEXTS)
        assert meanings_of([Piece(n, text, "") for n, text in enumerate(TEXTS)], asking(server, 0.2)) is None


def test_nobody_there_is_no_fault_of_the_articles() -> None:
    with EmbeddingServer(MEANINGS) as server:
        url = server.base_url
    with pytest.raises(EmbedderError):
        OpenAIEmbedder("small", url, timeout=0.5).embed(TEXTS)


def test_a_text_is_asked_about_once_and_forgotten_with_its_article(tmp_path: Path) -> None:
    with EmbeddingServer(MEANINGS) as server:
        kept = KeptVectors(asking(server), tmp_path / "v.npz")
        first = kept.embed(TEXTS[:3])
        assert np.array_equal(kept.embed(TEXTS[:3]), first)
        assert len(server.asked) == 1
        kept.embed(TEXTS[2:])
        assert server.asked[-1]["input"] == TEXTS[3:]
        kept.embed(TEXTS[:1])
        assert server.asked[-1]["input"] == TEXTS[:1], "the file holds the last call's texts alone"
        (tmp_path / "v.npz").write_bytes(b"torn")
        assert np.array_equal(kept.embed(TEXTS[:1]), first[:1])


def test_meaning_brings_together_what_words_leave_apart() -> None:
    told = [
        Piece(0, "Ferry down off Tarn", "Rescue came late at night from the harbour."),
        Piece(1, "Vessel lost near Tarn", "Helicopters flew over the waves until dawn."),
        Piece(2, "Bank cuts rates", "Savers will lose while borrowers gain."),
        Piece(3, "Lender eases rates", "Prices fell since winter in every region."),
    ]
    with EmbeddingServer(MEANINGS) as server:
        helped = cluster(told, meanings_of(told, asking(server)))
    alone = cluster(told)
    assert len(set(alone)) == 4
    assert helped[0] == helped[1] != helped[2] == helped[3]


def test_a_model_needs_an_address_or_a_key() -> None:
    assert embedders.make(Settings(_env_file=None)) is None  # type: ignore[call-arg]
    with pytest.raises(SettingsError, match="EMBEDDING_BASE_URL"):
        embedders.make(Settings(_env_file=None, EMBEDDING_MODEL="small"))  # type: ignore[call-arg]
