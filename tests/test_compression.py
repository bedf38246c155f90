"""Compression: a file is as large as the score says, and decompression returns the text or an error."""

import json
import math
import sys
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import Fixed
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_cli import run

import genbench
from genbench import Model, UserError
from genbench.analysis.compression import FIRST_PREDICTIONS, CompressedText, cumulative_counts, decode_text
from genbench.analysis.range_coder import MAX_TOTAL, Decoder, Encoder
from genbench.corpus.corpus import Corpus
from genbench.storage import models

MAX_OVERHEAD = 64  # bytes
CHAIN = "markov-char:order=4"
LETTERS = Model(Fixed("abc \n", (0.5, 0.2, 0.1, 0.1, 0.1)))
WORDS = Model(Fixed("so it is, so it was.", (0.1,) * 10, words=True))

symbols = st.lists(
    st.tuples(st.integers(0, MAX_TOTAL), st.integers(1, MAX_TOTAL), st.integers(0, MAX_TOTAL)), max_size=60
)


def encode(intervals: list[tuple[int, int, int]]) -> bytes:
    encoder = Encoder()
    for interval in intervals:
        encoder.encode(*interval)
    return encoder.finish()


@pytest.mark.slow
@given(symbols)
@example([(0, 1, MAX_TOTAL)] * 9)
@example([(MAX_TOTAL - 1, 1, 0)] * 9)  # carries into bytes that are written
def test_symbols_are_decoded_and_take_their_share_of_bits(drawn: list[tuple[int, int, int]]) -> None:
    intervals = [(before, size, before + size + after) for before, size, after in drawn]
    intervals = [(b * MAX_TOTAL // t, max(1, s * MAX_TOTAL // t), MAX_TOTAL) for b, s, t in intervals]
    intervals = [(min(b, MAX_TOTAL - s), s, t) for b, s, t in intervals]
    data = encode(intervals)
    decoder = Decoder(data)
    for start, size, total in intervals:
        assert start <= decoder.locate(total) < start + size
        decoder.decode(start, size, total)
    bits = sum(math.log2(total / size) for _, size, total in intervals)
    assert 8 * len(data) <= bits + len(intervals) * 2**-7 + 16


def test_four_equal_symbols_take_two_bits_each() -> None:
    rng = np.random.default_rng(0)
    data = encode([(int(symbol), 1, 4) for symbol in rng.integers(4, size=4000)])
    assert 1000 <= len(data) <= 1002


def test_every_token_has_an_interval() -> None:
    cumulative = cumulative_counts(np.log([1 - 2e-30, 1e-30, 1e-30]))
    assert np.diff(cumulative).tolist() == [2**32 + 1, 1, 1]


TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("abc \n\r,.so")), max_size=60)


@pytest.mark.slow
@given(TEXTS)
@example("")
@example("\ufeffa\r\nb\r\0 \u2028")
@settings(deadline=None)
def test_every_text_is_restored_byte_for_byte(text: str) -> None:
    for model in (LETTERS, WORDS):
        packed = genbench.compress(model, text.encode())
        assert genbench.decompress(packed, model) == text.encode()
        assert len(packed) <= 1.001 * genbench.score(model, text).bits / 8 + MAX_OVERHEAD


@dataclass
class Reciter(Fixed):
    """Predicts the letters of its text, over and over."""

    def log_probs(self, state: Any) -> Any:
        weights = np.full(self.tokenizer.size, 1e-12)
        weights[self.tokenizer.encode(self.text[(state or 0) % len(self.text)])] = 1
        return np.log(weights / weights.sum())

    def start(self) -> Any:
        return 0

    def advance(self, state: Any, token: int) -> Any:
        return state + 1


@pytest.mark.slow
def test_predictable_text_takes_no_more_than_the_overhead() -> None:
    model = Model(Reciter("so it goes "))
    packed = genbench.compress(model, b"so it goes " * 500)
    assert len(packed) <= MAX_OVERHEAD
    assert genbench.decompress(packed, model) == b"so it goes " * 500


def test_a_uniform_generator_needs_the_logarithm_of_its_letters() -> None:
    text = "".join(np.random.default_rng(2).choice(list("abcd"), 4000))
    packed = genbench.compress(Model(Fixed("abcd", (0.25,) * 4)), text.encode())
    assert 1000 <= len(packed) <= 1000 + MAX_OVERHEAD


@pytest.mark.parametrize("data", [b"caf\xe9 ", b"\xff\xfe", b"ab\xed\xa0\x80", b"a\xc3"])
def test_data_that_is_not_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(UserError, match=r"not valid UTF-8.*iconv"):
        genbench.compress(LETTERS, data)


def test_damage_anywhere_in_a_file_is_refused() -> None:
    packed = genbench.compress(LETTERS, b"abc abc abacus")
    for place in range(len(packed)):
        wrong = bytearray(packed)
        wrong[place] ^= 16
        with pytest.raises(UserError, match=r"damaged|not a compressed text"):
            genbench.decompress(bytes(wrong), LETTERS)
        with pytest.raises(UserError, match=r"damaged|not a compressed text"):
            genbench.decompress(packed[:place], LETTERS)
    with pytest.raises(UserError, match="damaged"):
        genbench.decompress(packed + b"x", LETTERS)


def test_another_model_is_refused() -> None:
    with pytest.raises(UserError, match="another model"):
        genbench.decompress(genbench.compress(LETTERS, b"abc"), WORDS)


@dataclass
class OtherMachine(Fixed):
    """Predicts as on another machine: from one prediction on, the last digits differ."""

    wrong_from: int = 10**9
    predicted: int = 0

    def log_probs(self, state: Any) -> Any:
        self.predicted += 1
        if self.predicted <= self.wrong_from:
            return self.table
        weights = np.exp(self.table) + 1e-8 * (np.arange(self.tokenizer.size) == 256)
        return np.log(weights / weights.sum())


@pytest.mark.parametrize(("wrong_from", "predictions"), [(0, FIRST_PREDICTIONS), (100, 3000)])
def test_predictions_that_differ_slightly_are_detected(wrong_from: int, predictions: int) -> None:
    here, there = OtherMachine(), OtherMachine(wrong_from=wrong_from)
    compressed = CompressedText.unpack(genbench.compress(Model(here), b"abca" * 750))
    with pytest.raises(UserError, match="predictions differ"):
        decode_text(there, compressed)
    assert there.predicted == predictions


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        CHAIN,
        "markov-word",
        "markov-subword:vocabulary=99",
        "lstm-char:hidden=16",
        "mixture:parts=markov-char+markov-word",
    ],
)
def test_a_stored_model_is_found_and_the_size_is_the_score(spec: str) -> None:
    text = genbench.corpus("thorne").test[:3000]
    model = genbench.train("thorne", spec, steps=20)
    packed = genbench.compress(model, text.encode())
    assert genbench.decompress(packed) == text.encode()
    bits = genbench.score(model, text).bits
    assert bits / 8 <= len(packed) <= 1.001 * bits / 8 + MAX_OVERHEAD


@pytest.mark.slow
def test_the_commands_restore_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = str(genbench.corpus("pell").test).replace("\n", "\r\n").encode()
    Path("in.txt").write_bytes(text)
    assert run(monkeypatch, "compress", "pell", "-g", CHAIN, "in.txt", "-o", "small") == 0
    sizes = dict(line.split("\t") for line in capsys.readouterr().out.splitlines() if line)
    assert sizes["bytes compressed"] == f"{Path('small').stat().st_size:,}"
    assert sizes["bytes of text"] == f"{len(text):,}"
    assert run(monkeypatch, "decompress", "small", "-o", "out.txt") == 0
    assert Path("out.txt").read_bytes() == text
    (model,) = models.list_models(models.models_folder())
    model.folder.rename(tmp_path / "copied")
    assert run(monkeypatch, "decompress", "small", "-o", "again.txt", "--model", "copied") == 0
    assert Path("again.txt").read_bytes() == text
    assert run(monkeypatch, "decompress", "small", "-o", "none.txt") == 2
    assert f"no stored model has the fingerprint {model.fingerprint.hex()}" in capsys.readouterr().err
    assert not Path("none.txt").exists()


@pytest.mark.slow
def test_without_a_generator_the_best_model_compresses_and_another_normal_form_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "Où est l'élève ? À côté du rêve, dit-il, où l'été dort.\n"
    Path("book.txt").write_text(text * 60, encoding="utf-8")
    Path("in.txt").write_text(unicodedata.normalize("NFD", text * 3), encoding="utf-8")
    genbench.train("book.txt", CHAIN)
    assert run(monkeypatch, "compress", "book.txt", "in.txt", "-o", "small") == 0
    error = capsys.readouterr().err
    assert f"book: {CHAIN}, " in error
    assert "the text is not in the Unicode form NFC, as the training text is" in error
    assert run(monkeypatch, "decompress", "small", "-o", "out.txt") == 0
    assert Path("out.txt").read_bytes() == Path("in.txt").read_bytes()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["compress", "pell", "-g", CHAIN, "missing.txt", "-o", "out"], "cannot read 'missing.txt'"),
        (["compress", "pell", "-g", CHAIN, "binary", "-o", "out"], "not valid UTF-8"),
        (["compress", "pell", "-g", CHAIN, "text", "-o", "no/such/out"], "there is no folder"),
        (["compress", "pell", "-g", CHAIN, "text"], "--output"),
        (["compress", "pell", "-g", "markov-chr", "text", "-o", "out"], "did you mean markov-char"),
        (["decompress", "text", "-o", "out"], "not a compressed text"),
        (["decompress", "missing", "-o", "out"], "cannot read 'missing'"),
        (["decompress", "text", "-o", "out", "--model", "nobody"], "nobody"),
    ],
)
def test_each_problem_is_one_sentence(
    words: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("plain text", encoding="utf-8")
    Path("binary").write_bytes(bytes(range(256)))
    assert run(monkeypatch, *words) == 2
    err = capsys.readouterr().err
    assert named in err
    assert "Traceback" not in err
    assert not Path("out").exists()
    assert not models.list_models(models.models_folder())  # nothing was trained for it


def test_networks_use_one_thread_while_compressing() -> None:
    torch = pytest.importorskip("torch")
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)

    @dataclass
    class Watched(Fixed):
        def log_probs(self, state: Any) -> Any:
            seen.append(sys.modules["torch"].get_num_threads())
            return self.table

    try:
        genbench.compress(Model(Watched()), b"abcd")
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_corpus_is_not_needed_to_decompress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = genbench.train("pell", CHAIN)
    packed = genbench.compress(model, b"a ship")

    def fail(*_: Any, **__: Any) -> Corpus:
        raise AssertionError("the author's text was loaded")

    monkeypatch.setattr("genbench.api.load_corpus", fail)
    assert genbench.decompress(packed) == b"a ship"


def test_a_text_of_a_model_of_an_earlier_edition_is_refused() -> None:
    model = genbench.train("pell", CHAIN)
    packed = genbench.compress(model, b"a ship")
    (stored,) = models.list_models(models.models_folder())
    card = json.loads((stored.folder / "model.json").read_text(encoding="utf-8"))
    (stored.folder / "model.json").write_text(json.dumps(card | {"format": 1}), encoding="utf-8")
    with pytest.raises(UserError, match=r"earlier edition .* train the model again and compress it anew"):
        genbench.decompress(packed)
    with pytest.raises(UserError, match=r"earlier edition .* train it again"):
        genbench.load(stored.name)
