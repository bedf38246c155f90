"""What anybody may type or hand over, made up at random: SPECs, comparison files, tokenizers, texts, models.

Each is tried some times here; `make stress` goes on for as long as it is told, and says how many inputs were tried.
"""

import random
import shutil
import string
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import attacks
import pytest
from hostile import TEXTS, driving
from hypothesis import given, settings
from hypothesis import strategies as st
from test_hostile_models import _checkpoint, spoiled_checkpoint, went_on

import genbench
from genbench import GenbenchError, Tokenizer, UserError, registry
from genbench import spec as options
from genbench.corpus.cleaning import clean, decode
from genbench.corpus.split import split
from genbench.experiments import config as comparisons
from genbench.neural import training
from genbench.report.formatting import printable

pytestmark = pytest.mark.slow

Tell = Callable[[str], None]
NAMES = [*sorted(registry.found()), "./none.py", "x.py:", "", "\x1b[2J", "x" * 300, "\ud800", "mixture:parts=", ".py"]
PIECES = [*NAMES, ":", ",", "=", "+", "(", ")", "((", "order", "hidden", "layers", "smoothing", "parts", "adaptive"]
PIECES += [
    "9" * 400,
    "-1",
    "1e999",
    "nan",
    "true",
    "fitted",
    "unbounded",
    "schedule",
    "1/2/3",
    " ",
    "\n",
    "\0",
    "\u0661",
]
PIECES += ["auto", "-g"]


def spec(rng: random.Random) -> str:
    """Something like a SPEC."""
    if rng.random() < 0.1:
        return "mixture:parts=" + "(" * rng.choice([1, 50, 5000]) + "markov-char" + ")" * rng.choice([1, 50, 5000])
    return rng.choice(NAMES) + "".join(rng.choices(PIECES, k=rng.randrange(8)))


def try_spec(text: str) -> str:
    """A SPEC is taken, or refused in one sentence."""
    try:
        options.parse(text)
        registry.make(text)
    except GenbenchError as error:
        return "refused" if not driving(printable(str(error))) else str(error)
    return "taken"


VALUES = ["1", "-1", "0.5", "nan", "inf", '"x"', '""', "[]", "[[]]", "[1, 'a']", "{}", "true", "1979-05-27", "9" * 30]
VALUES += ['"\\u0000"']
KEYS = [*comparisons.Settings.__annotations__, "x", '"\\u001b"', "a.b", "authors.x", '""']


def toml(rng: random.Random) -> bytes:
    """Something like a comparison file."""
    lines = [f"{rng.choice(KEYS)} = {rng.choice(VALUES)}" for _ in range(rng.randrange(6))]
    found = "\n".join(lines).encode()
    if rng.random() < 0.3:
        found += bytes(rng.choices(range(256), k=5))
    if rng.random() < 0.05:
        found = b"x = " + b"[" * rng.choice([10, 100_000])
    return found


def try_toml(path: Path, data: bytes) -> str:
    """A comparison file is taken, or refused in one sentence."""
    path.write_bytes(data)
    try:
        comparisons.arguments(comparisons.read(path))
    except UserError:
        return "refused"
    return "taken"


def text(rng: random.Random) -> str:
    """A text of parts that nobody wrote together."""
    parts = [rng.choice(list(TEXTS.values()))(rng, rng.choice([1, 5, 200])) for _ in range(rng.randrange(1, 5))]
    marks = ["*** START OF THE PROJECT GUTENBERG EBOOK X ***\n", "*** END OF THE PROJECT GUTENBERG", "[A by B]\n", "\r"]
    marks += ["*END THE SMALL PRINT\n", "\nEnd of Project Gutenberg", "\n\n", string.printable, "\U0010ffff"]
    found = "".join(part + rng.choice([*marks, ""]) for part in parts)
    return "".join(letter for letter in found if not "\ud800" <= letter <= "\udfff")


def try_tokenizers(train: str, test: str) -> str:
    """Both kinds give every text back, and what is dumped is the same tokenizer."""
    for made in (Tokenizer.characters(train), Tokenizer.words(train), Tokenizer.words(train, 1)):
        ids, ends = made.spans(test)
        assert made.decode(ids) == test
        assert (ends[-1] if len(ends) else 0) == len(test)
        assert (Tokenizer.restore(made.dump()).encode(test) == ids).all()
        begun, rest = made.resume(test)
        assert made.decode(begun) + rest == test or rest == ""
    return "given back"


def try_cleaning(data: bytes) -> str:
    """Bytes become a text that is cleaned and split whole, or one sentence."""
    try:
        cleaned = clean(decode(data))
    except GenbenchError:
        return "refused"
    if len(cleaned) < 3:
        return "nothing left"
    assert "".join(split(cleaned)) == cleaned
    return "cleaned"


TOLD = ("taken", "refused")
SEEDS = st.integers(0, 2**32).map(random.Random)


@given(rng=SEEDS)
@settings(deadline=None, max_examples=300)
def test_any_spec_is_taken_or_refused(rng: random.Random) -> None:
    assert try_spec(spec(rng)) in TOLD


@given(text=st.text(max_size=60))
@settings(deadline=None, max_examples=300)
def test_any_text_as_a_spec_is_taken_or_refused(text: str) -> None:
    assert try_spec(text) in TOLD


def test_parentheses_by_the_thousand_are_refused() -> None:
    for depth in (100, 100_000):
        with pytest.raises(GenbenchError):
            registry.make("mixture:parts=" + "(mixture:parts=" * depth + "markov-char" + ")" * depth)


@given(rng=SEEDS)
@settings(deadline=None, max_examples=200)
def test_any_comparison_file_is_taken_or_refused(rng: random.Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    try_toml(tmp_path_factory.getbasetemp() / "x.toml", toml(rng))


@given(data=st.binary(max_size=100))
@settings(deadline=None, max_examples=200)
def test_any_bytes_as_a_comparison_file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    try_toml(tmp_path_factory.getbasetemp() / "y.toml", data)


@given(rng=SEEDS)
@settings(deadline=None, max_examples=60)
def test_any_tokenizer_gives_any_text_back(rng: random.Random) -> None:
    try_tokenizers(text(rng), text(rng))


@given(rng=SEEDS)
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_cleaned_or_refused(rng: random.Random) -> None:
    data = text(rng).encode()
    try_cleaning(data)
    try_cleaning(attacks.flipped(data, rng) if data else data)


# the long part


def fuzzed(what: str, seconds: float, tally: Tell, one: Callable[[random.Random], str]) -> None:
    """Try inputs, each from its own seed, until the time is over; tell how many, and what came of them."""
    found, first, began = Counter[str](), random.SystemRandom().randrange(2**32), time.monotonic()
    seed = first
    while time.monotonic() - began < seconds:
        try:
            found[one(random.Random(seed))] += 1
        except BaseException as error:
            raise AssertionError(f"{what}, seed {seed}, after {found.total():,} inputs") from error
        seed += 1
    said = ", ".join(f"{kind} {number:,}" for kind, number in sorted(found.items()))
    tally(f"{what}: {found.total():,} inputs tried from seed {first} in {seconds:.0f} s, 0 faults ({said})")


@pytest.mark.stress
def test_long_specs(share: float, tally: Tell) -> None:
    def one(rng: random.Random) -> str:
        found = try_spec(spec(rng))
        assert found in TOLD
        return found

    fuzzed("SPECs", share, tally, one)


@pytest.mark.stress
def test_long_comparison_files(share: float, tally: Tell, tmp_path: Path) -> None:
    fuzzed("comparison files", share, tally, lambda rng: try_toml(tmp_path / "x.toml", toml(rng)))


@pytest.mark.stress
def test_long_tokenizers(share: float, tally: Tell) -> None:
    fuzzed("tokenizers", share, tally, lambda rng: try_tokenizers(text(rng), text(rng)))


@pytest.mark.stress
def test_long_cleaning(share: float, tally: Tell) -> None:
    def one(rng: random.Random) -> str:
        data = text(rng).encode() or b"x"
        return try_cleaning(
            rng.choice([attacks.flipped, attacks.cut, attacks.moved, lambda data, rng: data])(data, rng)
        )

    fuzzed("texts to clean", share, tally, one)


@pytest.mark.stress
@pytest.mark.parametrize("name", sorted(attacks.MODELS))
def test_long_models(name: str, share: float, tally: Tell, tmp_path: Path) -> None:
    files = attacks.model(attacks.MODELS[name], tmp_path)

    def one(rng: random.Random) -> str:
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        return attacks.outcome(attacks.written(attacks.spoiled(files, rng)[1], tmp_path / "x"))

    fuzzed(f"models of {name}", share, tally, one)


@pytest.mark.stress
@pytest.mark.parametrize("name", ["lstm-char", "gru-word"])
def test_long_checkpoints(
    name: str, share: float, tally: Tell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = _checkpoint(attacks.MODELS[name], tmp_path / "c", monkeypatch)
    monkeypatch.setattr(training, "SAVE_EVERY", 5.0)

    def one(rng: random.Random) -> str:
        return went_on(spoiled_checkpoint(data, rng), attacks.MODELS[name], tmp_path / "c")

    fuzzed(f"checkpoints of {name}", share, tally, one)


@pytest.mark.stress
def test_a_hundred_million_characters_in_one_line(tally: Tell) -> None:
    began, words = time.process_time(), " ".join(random.Random(5).choices([f"word{n}" for n in range(50_000)], k=1000))
    line = (words * (100_000_000 // len(words) + 1))[:100_000_000]
    cleaned = clean(decode(line.encode()))
    assert cleaned == line.rstrip() + "\n"
    train, valid, test = split(cleaned)
    assert len(train) + len(valid) + len(test) == len(cleaned)
    made = registry.make("markov-char:order=1")
    made.fit(train[:30_000_000], valid[:100_000], genbench.TrainContext())
    assert genbench.score(made, test[:100_000]).bits_per_character < 6
    tokenizer = Tokenizer.words(train[:30_000_000])
    assert tokenizer.decode(tokenizer.encode(test[:1_000_000])) == test[:1_000_000]
    tally(f"100 MB in one line: cleaned, split, cut and trained on in {time.process_time() - began:.0f} s")
