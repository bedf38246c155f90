"""Compression: the bits that are scored are the bits that a file takes, and nothing comes back but the text."""

import math
import sys
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
from genbench import UserError
from genbench.analysis.compression import PROBE, Compressed, ladder
from genbench.analysis.range_coder import LARGEST, Decoder, Encoder
from genbench.corpus import Corpus
from genbench.storage import models

OVERHEAD = 64  # bytes
CHAIN = "markov-char:order=4"
LETTERS = Fixed("abc \n", (0.5, 0.2, 0.1, 0.1, 0.1))
WORDS = Fixed("so it is, so it was.", (0.1,) * 10, words=True)

symbols = st.lists(st.tuples(st.integers(0, LARGEST), st.integers(1, LARGEST), st.integers(0, LARGEST)), max_size=60)


def coded(stretches: list[tuple[int, int, int]]) -> bytes:
    encoder = Encoder()
    for stretch in stretches:
        encoder.encode(*stretch)
    return encoder.finish()


@given(symbols)
@example([(0, 1, LARGEST)] * 9)
@example([(LARGEST - 1, 1, 0)] * 9)  # carries into bytes that have left
def test_every_symbol_comes_back_for_its_share_of_bits(drawn: list[tuple[int, int, int]]) -> None:
    stretches = [(before, size, before + size + after) for before, size, after in drawn]
    stretches = [(b * LARGEST // t, max(1, s * LARGEST // t), LARGEST) for b, s, t in stretches]
    stretches = [(min(b, LARGEST - s), s, t) for b, s, t in stretches]
    data = coded(stretches)
    decoder = Decoder(data)
    for start, size, total in stretches:
        assert start <= decoder.where(total) < start + size
        decoder.decode(start, size, total)
    bits = sum(math.log2(total / size) for _, size, total in stretches)
    assert 8 * len(data) <= bits + len(stretches) * 2**-7 + 16


def test_four_equal_symbols_take_two_bits_each() -> None:
    rng = np.random.default_rng(0)
    data = coded([(int(symbol), 1, 4) for symbol in rng.integers(4, size=4000)])
    assert 1000 <= len(data) <= 1002


def test_ladders_have_a_step_for_every_token() -> None:
    found = ladder(np.log([1 - 2e-30, 1e-30, 1e-30]))
    assert np.diff(found).tolist() == [2**32 + 1, 1, 1]


TEXTS = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("abc \n\r,.so")), max_size=60)


@given(TEXTS)
@example("")
@example("\ufeffa\r\nb\r\0 \u2028")
@settings(deadline=None)
def test_every_text_comes_back_byte_for_byte(text: str) -> None:
    for generator in (LETTERS, WORDS):
        packed = genbench.compress(generator, text.encode())
        assert genbench.decompress(packed, generator) == text.encode()
        assert len(packed) <= 1.001 * genbench.score(generator, text).bits / 8 + OVERHEAD


@dataclass
class Reciter(Fixed):
    """Knows what comes: the letters of its text over and over."""

    def log_probs(self, state: Any) -> Any:
        weights = np.full(self.tokenizer.size, 1e-12)
        weights[self.tokenizer.encode(self.text[(state or 0) % len(self.text)])] = 1
        return np.log(weights / weights.sum())

    def start(self) -> Any:
        return 0

    def advance(self, state: Any, token: int) -> Any:
        return state + 1


def test_what_is_recited_takes_no_more_than_the_overhead() -> None:
    reciter = Reciter("so it goes ")
    packed = genbench.compress(reciter, b"so it goes " * 500)
    assert len(packed) <= OVERHEAD
    assert genbench.decompress(packed, reciter) == b"so it goes " * 500


def test_a_uniform_generator_needs_the_logarithm_of_its_letters() -> None:
    text = "".join(np.random.default_rng(2).choice(list("abcd"), 4000))
    packed = genbench.compress(Fixed("abcd", (0.25,) * 4), text.encode())
    assert 1000 <= len(packed) <= 1000 + OVERHEAD


@pytest.mark.parametrize("data", [b"caf\xe9 ", b"\xff\xfe", b"ab\xed\xa0\x80", b"a\xc3"])
def test_what_is_no_utf8_is_refused(data: bytes) -> None:
    with pytest.raises(UserError, match=r"no valid UTF-8.*iconv"):
        genbench.compress(LETTERS, data)


def test_a_file_that_is_damaged_anywhere_is_refused() -> None:
    packed = genbench.compress(LETTERS, b"abc abc abacus")
    for place in range(len(packed)):
        wrong = bytearray(packed)
        wrong[place] ^= 16
        with pytest.raises(UserError, match=r"damaged|no compressed text"):
            genbench.decompress(bytes(wrong), LETTERS)
        with pytest.raises(UserError, match=r"damaged|no compressed text"):
            genbench.decompress(packed[:place], LETTERS)
    with pytest.raises(UserError, match="damaged"):
        genbench.decompress(packed + b"x", LETTERS)


def test_another_model_is_refused() -> None:
    with pytest.raises(UserError, match="another model"):
        genbench.decompress(genbench.compress(LETTERS, b"abc"), WORDS)


@dataclass
class Elsewhere(Fixed):
    """As on another machine: from one prediction on, a little off in the last digits."""

    wrong_from: int = 10**9
    predicted: int = 0

    def log_probs(self, state: Any) -> Any:
        self.predicted += 1
        if self.predicted <= self.wrong_from:
            return self.table
        weights = np.exp(self.table) + 1e-8 * (np.arange(self.tokenizer.size) == 256)
        return np.log(weights / weights.sum())


@pytest.mark.parametrize(("wrong_from", "predictions"), [(0, PROBE), (100, 3000)])
def test_predictions_a_little_off_are_noticed(wrong_from: int, predictions: int) -> None:
    here, there = Elsewhere(), Elsewhere(wrong_from=wrong_from)
    packed = Compressed.unpack(genbench.compress(here, b"abca" * 750))
    from genbench.analysis.compression import decompress

    with pytest.raises(UserError, match="predicts otherwise here"):
        decompress(there, packed)
    assert there.predicted == predictions


@pytest.mark.slow
@pytest.mark.parametrize("spec", [CHAIN, "markov-word", "lstm-char:hidden=16", "mixture:parts=markov-char+markov-word"])
def test_a_kept_model_is_found_and_the_size_is_the_score(spec: str) -> None:
    text = genbench.corpus("thorne").test[:3000]
    model = genbench.train("thorne", spec, steps=20)
    packed = genbench.compress(model, text.encode())
    assert genbench.decompress(packed) == text.encode()
    bits = genbench.score(model, text).bits
    assert bits / 8 <= len(packed) <= 1.001 * bits / 8 + OVERHEAD


def test_the_commands_give_a_file_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = genbench.corpus("pell").test.replace("\n", "\r\n").encode()
    Path("in.txt").write_bytes(text)
    assert run(monkeypatch, "compress", "pell", "-g", CHAIN, "in.txt", "-o", "small") == 0
    said = dict(line.split("\t") for line in capsys.readouterr().out.splitlines() if line)
    assert said["bytes compressed"] == f"{Path('small').stat().st_size:,}"
    assert said["bytes of text"] == f"{len(text):,}"
    assert run(monkeypatch, "decompress", "small", "-o", "out.txt") == 0
    assert Path("out.txt").read_bytes() == text
    (model,) = models.kept(models.home())
    model.folder.rename(tmp_path / "copied")
    assert run(monkeypatch, "decompress", "small", "-o", "again.txt", "--model", "copied") == 0
    assert Path("again.txt").read_bytes() == text
    assert run(monkeypatch, "decompress", "small", "-o", "none.txt") == 2
    assert f"no kept model has the fingerprint {model.fingerprint.hex()}" in capsys.readouterr().err
    assert not Path("none.txt").exists()


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["compress", "pell", "-g", CHAIN, "missing.txt", "-o", "out"], "cannot read 'missing.txt'"),
        (["compress", "pell", "-g", CHAIN, "binary", "-o", "out"], "no valid UTF-8"),
        (["compress", "pell", "-g", CHAIN, "text", "-o", "no/such/out"], "there is no folder"),
        (["compress", "pell", "-g", CHAIN, "text"], "--output"),
        (["compress", "pell", "-g", "markov-chr", "text", "-o", "out"], "did you mean markov-char"),
        (["decompress", "text", "-o", "out"], "no compressed text"),
        (["decompress", "missing", "-o", "out"], "cannot read 'missing'"),
        (["decompress", "text", "-o", "out", "--model", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_is_one_sentence(
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
    assert not models.kept(models.home())  # nothing was trained for it


def test_networks_reckon_in_one_thread_meanwhile() -> None:
    torch = pytest.importorskip("torch")
    before, seen = torch.get_num_threads(), []
    torch.set_num_threads(2)

    @dataclass
    class Watched(Fixed):
        def log_probs(self, state: Any) -> Any:
            seen.append(sys.modules["torch"].get_num_threads())
            return self.table

    try:
        genbench.compress(Watched(), b"abcd")
        assert set(seen) == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_the_corpus_is_not_needed_to_decompress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = genbench.train("pell", CHAIN)
    packed = genbench.compress(model, b"a ship")

    def gone(*_: Any, **__: Any) -> Corpus:
        raise AssertionError("the author's text was opened")

    monkeypatch.setattr("genbench.api.load_corpus", gone)
    assert genbench.decompress(packed) == b"a ship"
