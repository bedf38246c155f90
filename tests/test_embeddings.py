"""Word vectors: from a file, from word2vec, for unknown words, and summed from character n-grams."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genbench_plugins.lstm import LSTMWord

import genbench
from genbench import Tokenizer, UserError
from genbench.generator import TrainContext
from genbench.neural.embeddings import (
    EMBEDDING_STD,
    OneHot,
    SubwordEmbedding,
    WordEmbedding,
    init_word_vectors,
    read_word_vectors,
    train_word2vec,
)

TEXT = "the cat sat on the mat. The cat sat on a cat and the dog sat. A dog and a dog. " * 3
FILE = "the 1 2 3\ncat 4 5 6\nsat 7 8 9.5\nnowhere 1 1 1\n"


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.words(TEXT)


def word(tokenizer: Tokenizer, text: str) -> int:
    return int(tokenizer.encode(text)[0])


@pytest.mark.parametrize("head", ["", "4 3\n"])
def test_files_in_the_formats_of_glove_and_word2vec_are_read(head: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(head + FILE)
    known = read_word_vectors(tmp_path / "v.txt", tokenizer, 3)
    assert known[word(tokenizer, "cat")].tolist() == [4, 5, 6]
    assert known[word(tokenizer, "The")].tolist() == [1, 2, 3]  # by its lower case
    assert word(tokenizer, "dog") not in known
    assert len(known) == 4


@pytest.mark.parametrize(
    ("content", "message"),
    [("the 1 2\n", "embedding=2"), ("the 1 b 3\n", "line 1 of .* is not a number"), (None, "No such file")],
)
def test_an_invalid_file_is_refused(content: str | None, message: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "v.txt").write_text(content)
    with pytest.raises(UserError, match=message):
        read_word_vectors(tmp_path / "v.txt", tokenizer, 3)


@pytest.mark.parametrize("shared", [True, False])
def test_unknown_words_share_a_vector_or_get_that_of_another_word(
    shared: bool, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    (tmp_path / "v.txt").write_text(FILE)
    embedding = WordEmbedding(tokenizer.size, 3)
    before = embedding.vectors().clone()
    known = read_word_vectors(tmp_path / "v.txt", tokenizer, 3)
    init_word_vectors(embedding, known, range(tokenizer.none_id + 1, tokenizer.size), share_unknown=shared, seed=0)
    vectors = embedding.vectors()
    assert torch.equal(vectors[: tokenizer.none_id + 1], before[: tokenizer.none_id + 1])  # letters, bytes, END
    known_vectors = [vectors[token].tolist() for token in known]
    unknown = [vectors[token].tolist() for token in range(tokenizer.none_id + 1, tokenizer.size) if token not in known]
    assert len(unknown) > 1
    if shared:
        assert all(vector == unknown[0] for vector in unknown)
    else:
        assert all(vector in known_vectors for vector in unknown)


def test_vectors_are_scaled_like_learned_ones(tokenizer: Tokenizer) -> None:
    rng = np.random.default_rng(0)
    words = range(tokenizer.none_id + 1, tokenizer.size)
    embedding = WordEmbedding(tokenizer.size, 50)
    init_word_vectors(
        embedding, {w: rng.normal(5, 0.01, 50).astype(np.float32) for w in words}, words, share_unknown=False, seed=0
    )
    assert float(embedding.vectors().detach()[words.start :].std()) == pytest.approx(EMBEDDING_STD, abs=0.03)
    assert float(WordEmbedding(1000, 50).vectors().detach().std()) == pytest.approx(EMBEDDING_STD, abs=0.03)


def test_word2vec_is_reproducible_and_has_every_word(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(TEXT)
    first, second = (train_word2vec(tokenizer, ids, 8, seed=3) for _ in range(2))
    assert set(first) == {int(token) for token in ids if token > tokenizer.none_id}
    assert all(np.array_equal(first[token], second[token]) for token in first)


def test_without_gensim_the_error_names_the_command_to_install_it(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("gensim"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match=r"pip install gensim"):
        train_word2vec(tokenizer, tokenizer.encode(TEXT), 8, 0)


TEXTS = ["", "cat", "cats", "Cat", "cat's"]  # of tokens 0 to 4


def test_a_word_vector_includes_its_character_ngrams() -> None:
    subwords = SubwordEmbedding(TEXTS, 3)
    common = [("<ca", [1, 2, 4]), ("cat", [1, 2, 3, 4])]  # in three words or more; "cat" is the third without capitals
    assert len(subwords.vectors) == len(common)
    expected = torch.zeros(5, 3)
    for vector, (_, tokens) in zip(subwords.vectors, common, strict=True):
        expected[tokens] += vector
    torch.testing.assert_close(subwords(), expected)
    embedding = WordEmbedding(5, 3, subwords)
    torch.testing.assert_close(embedding(torch.tensor([[2, 0]])), (embedding.table.weight + expected)[None, [2, 0]])
    torch.testing.assert_close(embedding.folded().weight, embedding.vectors())


def test_gradients_of_the_sums_agree_with_finite_differences() -> None:
    subwords = SubwordEmbedding(TEXTS, 2).double()
    assert torch.autograd.gradcheck(lambda _: subwords(), subwords.vectors)


def test_words_without_common_ngrams_have_zero_sums() -> None:
    assert SubwordEmbedding(["", "ab", "xyz"], 4)().tolist() == [[0] * 4] * 3


def test_characters_are_one_hot_and_bytes_are_zero() -> None:
    hot = OneHot(256 + 3)(torch.tensor([[0, 255, 256, 258]]))
    assert hot.tolist() == [[[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"tied": False}, {"subwords": False}, {"embeddings": "word2vec"}, {"unknown": "shared"}]
)
def test_a_network_with_word_vectors_is_saved_and_loaded(options: dict[str, Any], tmp_path: Path) -> None:
    from genbench.storage import files as store

    corpus = genbench.corpus("pell")
    if "unknown" in options:
        (tmp_path / "v.txt").write_text("the " + "1 " * 11 + "2\nand " + "2 " * 11 + "3\n")
        options = options | {"embeddings": str(tmp_path / "v.txt")}
    first, second = (LSTMWord(hidden=12, embedding=12, **options) for _ in range(2))
    context = TrainContext(steps=20)
    first.fit(corpus.train, corpus.valid, context)
    store.save_generator(first, tmp_path / "model")
    (tmp_path / "v.txt").unlink(missing_ok=True)  # a stored model does not need the file of vectors
    store.load_generator(second, tmp_path / "model")
    ids = first.tokenizer.encode(corpus.test[:500])
    assert np.array_equal(first.token_log_probs(ids), second.token_log_probs(ids))
    assert ("words_with_vectors" in context.stats.details) == ("embeddings" in options)
