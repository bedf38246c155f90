"""Word vectors: from a file, from word2vec, shared or drawn for unknown words, and summed from letters."""

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from genbench_plugins.lstm import LSTMWord

import genbench
from genbench import Tokenizer, TrainContext, UserError
from genbench.neural.embeddings import SPREAD, OneHot, Vectors, fill, from_file, word2vec
from genbench.neural.subwords import Subwords

TEXT = "the cat sat on the mat. The cat sat on a cat and the dog sat. A dog and a dog. " * 3
FILE = "the 1 2 3\ncat 4 5 6\nsat 7 8 9.5\nnowhere 1 1 1\n"


@pytest.fixture
def tokenizer() -> Tokenizer:
    return Tokenizer.words(TEXT)


def word(tokenizer: Tokenizer, text: str) -> int:
    return int(tokenizer.encode(text)[0])


@pytest.mark.parametrize("head", ["", "4 3\n"])
def test_a_file_is_read_in_glove_s_and_in_word2vec_s_form(head: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(head + FILE)
    known = from_file(tmp_path / "v.txt", tokenizer, 3)
    assert known[word(tokenizer, "cat")].tolist() == [4, 5, 6]
    assert known[word(tokenizer, "The")].tolist() == [1, 2, 3]  # by its lower case
    assert word(tokenizer, "dog") not in known
    assert len(known) == 4


@pytest.mark.parametrize(
    ("content", "said"), [("the 1 2\n", "embedding=2"), ("the 1 b 3\n", "no number in line 1"), (None, "No such file")]
)
def test_a_file_that_is_none_is_refused(content: str | None, said: str, tokenizer: Tokenizer, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "v.txt").write_text(content)
    with pytest.raises(UserError, match=said):
        from_file(tmp_path / "v.txt", tokenizer, 3)


@pytest.mark.parametrize("shared", [True, False])
def test_unknown_words_share_a_vector_or_take_another_words(shared: bool, tokenizer: Tokenizer, tmp_path: Path) -> None:
    (tmp_path / "v.txt").write_text(FILE)
    vectors = Vectors(tokenizer.size, 3)
    before = vectors.weights().clone()
    known = from_file(tmp_path / "v.txt", tokenizer, 3)
    fill(vectors, known, range(tokenizer.none + 1, tokenizer.size), shared=shared, seed=0)
    found = vectors.weights()
    assert torch.equal(found[: tokenizer.none + 1], before[: tokenizer.none + 1])  # letters, bytes, END
    given = [found[token].tolist() for token in known]
    unknown = [found[token].tolist() for token in range(tokenizer.none + 1, tokenizer.size) if token not in known]
    assert len(unknown) > 1
    if shared:
        assert all(vector == unknown[0] for vector in unknown)
    else:
        assert all(vector in given for vector in unknown)


def test_vectors_are_as_large_as_learned_ones_whatever_the_file_s_scale(tokenizer: Tokenizer) -> None:
    rng = np.random.default_rng(0)
    words = range(tokenizer.none + 1, tokenizer.size)
    vectors = Vectors(tokenizer.size, 50)
    fill(vectors, {w: rng.normal(5, 0.01, 50).astype(np.float32) for w in words}, words, shared=False, seed=0)
    assert float(vectors.weights().detach()[words.start :].std()) == pytest.approx(SPREAD, abs=0.03)
    assert float(Vectors(1000, 50).weights().detach().std()) == pytest.approx(SPREAD, abs=0.03)


def test_word2vec_is_reproducible_and_knows_every_word(tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode(TEXT)
    one, two = (word2vec(tokenizer, ids, 8, seed=3) for _ in range(2))
    assert set(one) == {int(token) for token in ids if token > tokenizer.none}
    assert all(np.array_equal(one[token], two[token]) for token in one)


def test_without_gensim_the_command_to_install_it_is_said(
    tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name.startswith("gensim"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(UserError, match=r"pip install 'genbench\[word2vec\]'"):
        word2vec(tokenizer, tokenizer.encode(TEXT), 8, 0)


TEXTS = ["", "cat", "cats", "Cat", "cat's"]  # of tokens 0 to 4


def test_a_word_s_vector_has_a_part_from_its_letters() -> None:
    subwords = Subwords(TEXTS, 3)
    common = [("<ca", [1, 2, 4]), ("cat", [1, 2, 3, 4])]  # in three words or more; "cat" is the third without capitals
    assert len(subwords.vectors) == len(common)
    expected = torch.zeros(5, 3)
    for vector, (_, tokens) in zip(subwords.vectors, common, strict=True):
        expected[tokens] += vector
    torch.testing.assert_close(subwords(), expected)
    vectors = Vectors(5, 3, subwords)
    torch.testing.assert_close(vectors(torch.tensor([[2, 0]])), (vectors.table.weight + expected)[None, [2, 0]])
    torch.testing.assert_close(vectors.settled().weight, vectors.weights())


def test_the_slopes_of_sums_are_those_of_finite_differences() -> None:
    subwords = Subwords(TEXTS, 2).double()
    assert torch.autograd.gradcheck(lambda _: subwords(), subwords.vectors)


def test_words_without_a_common_letter_have_no_such_part() -> None:
    assert Subwords(["", "ab", "xyz"], 4)().tolist() == [[0] * 4] * 3


def test_a_letter_is_one_hot_and_a_byte_is_nothing() -> None:
    hot = OneHot(256 + 3)(torch.tensor([[0, 255, 256, 258]]))
    assert hot.tolist() == [[[0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]]]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options", [{}, {"tied": False}, {"subwords": False}, {"embeddings": "word2vec"}, {"unknown": "shared"}]
)
def test_a_network_with_such_vectors_comes_back_from_disk(options: dict[str, Any], tmp_path: Path) -> None:
    from genbench.storage import files as store

    corpus = genbench.corpus("pell")
    if "unknown" in options:
        (tmp_path / "v.txt").write_text("the " + "1 " * 11 + "2\nand " + "2 " * 11 + "3\n")
        options = options | {"embeddings": str(tmp_path / "v.txt")}
    first, second = (LSTMWord(hidden=12, embedding=12, **options) for _ in range(2))
    first.fit(corpus.train, corpus.valid, TrainContext(steps=20))
    store.save(first, tmp_path / "model")
    (tmp_path / "v.txt").unlink(missing_ok=True)  # a kept model needs no file of vectors
    store.load(second, tmp_path / "model")
    ids = first.tokenizer.encode(corpus.test[:500])
    assert np.array_equal(first.token_log_probs(ids), second.token_log_probs(ids))
    assert ("words_with_vectors" in first.facts) == ("embeddings" in options)
