"""Random input of every kind that a user or a file may give: SPECs, comparison files, tokenizers, texts, models.

The quick tests try some hundred inputs each. `make stress` tries new ones for a given time and prints how many.
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
from test_hostile_models import corrupt_checkpoint, interrupted_checkpoint, resume_from

import genbench
from genbench import Model, Tokenizer, registry
from genbench.corpus.cleaning import clean
from genbench.corpus.encoding import decode
from genbench.corpus.split import split_text
from genbench.errors import GenbenchError, UserError
from genbench.experiments.config import CompareConfig, read_config, to_settings
from genbench.generator import Text, TrainContext
from genbench.neural import training
from genbench.report.formatting import printable
from genbench.spec import Spec

pytestmark = pytest.mark.slow

RecordLine = Callable[[str], None]
OUTCOMES = ("accepted", "refused")
SEEDS = st.integers(0, 2**32).map(random.Random)

# SPECs

NAMES = [*sorted(registry.registered()), "./none.py", "x.py:", "", "\x1b[2J", "x" * 300, "\ud800", "mixture:parts="]
NAMES += [".py"]
PIECES = [*NAMES, ":", ",", "=", "+", "(", ")", "((", "order", "hidden", "layers", "smoothing", "parts", "adaptive"]
PIECES += ["9" * 400, "-1", "1e999", "nan", "true", "fitted", "unbounded", "schedule", "1/2/3", " ", "\n", "\0"]
PIECES += ["\u0661", "auto", "-g"]


def random_spec(rng: random.Random) -> str:
    """Return a text that resembles a SPEC."""
    if rng.random() < 0.1:
        return "mixture:parts=" + "(" * rng.choice([1, 50, 5000]) + "markov-char" + ")" * rng.choice([1, 50, 5000])
    return rng.choice(NAMES) + "".join(rng.choices(PIECES, k=rng.randrange(8)))


def try_spec(text: str) -> str:
    """Return whether a SPEC is accepted or refused; a message that may drive a terminal is returned itself."""
    try:
        Spec.parse(text)
        registry.create(text)
    except GenbenchError as error:
        return "refused" if not driving(printable(str(error))) else str(error)
    return "accepted"


@given(rng=SEEDS)
@settings(deadline=None, max_examples=300)
def test_any_spec_is_accepted_or_refused(rng: random.Random) -> None:
    assert try_spec(random_spec(rng)) in OUTCOMES


@given(text=st.text(max_size=60))
@settings(deadline=None, max_examples=300)
def test_any_text_as_a_spec_is_accepted_or_refused(text: str) -> None:
    assert try_spec(text) in OUTCOMES


def test_thousands_of_parentheses_are_refused() -> None:
    for depth in (100, 100_000):
        with pytest.raises(GenbenchError):
            registry.create("mixture:parts=" + "(mixture:parts=" * depth + "markov-char" + ")" * depth)


# Comparison files

VALUES = ["1", "-1", "0.5", "nan", "inf", '"x"', '""', "[]", "[[]]", "[1, 'a']", "{}", "true", "1979-05-27", "9" * 30]
VALUES += ['"\\u0000"']
KEYS = [*CompareConfig.__annotations__, "x", '"\\u001b"', "a.b", "authors.x", '""']


def random_toml(rng: random.Random) -> bytes:
    """Return data that resembles a comparison file."""
    lines = [f"{rng.choice(KEYS)} = {rng.choice(VALUES)}" for _ in range(rng.randrange(6))]
    data = "\n".join(lines).encode()
    if rng.random() < 0.3:
        data += bytes(rng.choices(range(256), k=5))
    if rng.random() < 0.05:
        data = b"x = " + b"[" * rng.choice([10, 100_000])
    return data


def try_toml(path: Path, data: bytes) -> str:
    """Return whether a comparison file is accepted or refused."""
    path.write_bytes(data)
    try:
        to_settings(read_config(path))
    except UserError:
        return "refused"
    return "accepted"


@given(rng=SEEDS)
@settings(deadline=None, max_examples=200)
def test_any_comparison_file_is_accepted_or_refused(
    rng: random.Random, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert try_toml(tmp_path_factory.getbasetemp() / "x.toml", random_toml(rng)) in OUTCOMES


@given(data=st.binary(max_size=100))
@settings(deadline=None, max_examples=200)
def test_any_bytes_as_a_comparison_file(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    assert try_toml(tmp_path_factory.getbasetemp() / "y.toml", data) in OUTCOMES


# Texts and tokenizers


def random_text(rng: random.Random) -> str:
    """Return a text of unrelated parts, without surrogates."""
    parts = [rng.choice(list(TEXTS.values()))(rng, rng.choice([1, 5, 200])) for _ in range(rng.randrange(1, 5))]
    marks = ["*** START OF THE PROJECT GUTENBERG EBOOK X ***\n", "*** END OF THE PROJECT GUTENBERG", "[A by B]\n", "\r"]
    marks += ["*END THE SMALL PRINT\n", "\nEnd of Project Gutenberg", "\n\n", string.printable, "\U0010ffff"]
    text = "".join(part + rng.choice([*marks, ""]) for part in parts)
    return "".join(letter for letter in text if not "\ud800" <= letter <= "\udfff")


def try_tokenizers(train: str, test: str) -> str:
    """Check that each kind of tokenizer restores a text, and that its dump is the same tokenizer."""
    for tokenizer in (Tokenizer.characters(train), Tokenizer.words(train), Tokenizer.words(train, 1)):
        ids, ends = tokenizer.encode_with_ends(test)
        assert tokenizer.decode(ids) == test
        assert (ends[-1] if len(ends) else 0) == len(test)
        assert (Tokenizer.restore(tokenizer.dump()).encode(test) == ids).all()

        # a prompt may end inside a word, which stays text
        prompt_ids, rest = tokenizer.split_prompt(test)
        assert tokenizer.decode(prompt_ids) + rest == test or rest == ""
    return "restored"


def try_cleaning(data: bytes) -> str:
    """Check that no character is lost in the split of a cleaned text; return whether the data is cleaned or refused."""
    try:
        cleaned = clean(decode(data))
    except GenbenchError:
        return "refused"
    if len(cleaned) < 3:
        return "empty afterwards"
    assert "".join(split_text(cleaned)) == cleaned
    return "cleaned"


@given(rng=SEEDS)
@settings(deadline=None, max_examples=60)
def test_any_tokenizer_restores_any_text(rng: random.Random) -> None:
    try_tokenizers(random_text(rng), random_text(rng))


@given(rng=SEEDS)
@settings(deadline=None, max_examples=100)
def test_any_bytes_are_cleaned_or_refused(rng: random.Random) -> None:
    data = random_text(rng).encode()
    try_cleaning(data)
    try_cleaning(attacks.flip_bits(data, rng) if data else data)


# The long part: `make stress`


def fuzz(kind: str, seconds: float, tally: RecordLine, try_one: Callable[[random.Random], str]) -> None:
    """Try random inputs for a time, each with a seed of its own; record how many had which outcome."""
    outcomes, first_seed, start = Counter[str](), random.SystemRandom().randrange(2**32), time.monotonic()
    seed = first_seed
    while time.monotonic() - start < seconds:
        try:
            outcomes[try_one(random.Random(seed))] += 1
        except BaseException as error:
            raise AssertionError(f"{kind}, seed {seed}, after {outcomes.total():,} inputs") from error
        seed += 1
    counts = ", ".join(f"{number:,} {outcome}" for outcome, number in sorted(outcomes.items()))
    tally(f"{kind}: {outcomes.total():,} inputs from seed {first_seed} in {seconds:.0f} s, no fault ({counts})")


@pytest.mark.stress
def test_long_specs(share: float, tally: RecordLine) -> None:
    def try_one(rng: random.Random) -> str:
        outcome = try_spec(random_spec(rng))
        assert outcome in OUTCOMES
        return outcome

    fuzz("SPECs", share, tally, try_one)


@pytest.mark.stress
def test_long_comparison_files(share: float, tally: RecordLine, tmp_path: Path) -> None:
    fuzz("comparison files", share, tally, lambda rng: try_toml(tmp_path / "x.toml", random_toml(rng)))


@pytest.mark.stress
def test_long_tokenizers(share: float, tally: RecordLine) -> None:
    fuzz("tokenizers", share, tally, lambda rng: try_tokenizers(random_text(rng), random_text(rng)))


@pytest.mark.stress
def test_long_cleaning(share: float, tally: RecordLine) -> None:
    ways = [attacks.flip_bits, attacks.truncate, attacks.move_bytes, lambda data, rng: data]

    def try_one(rng: random.Random) -> str:
        data = random_text(rng).encode() or b"x"
        return try_cleaning(rng.choice(ways)(data, rng))

    fuzz("texts to clean", share, tally, try_one)


@pytest.mark.stress
@pytest.mark.parametrize("name", sorted(attacks.MODELS))
def test_long_models(name: str, share: float, tally: RecordLine, tmp_path: Path) -> None:
    files = attacks.model_files(attacks.MODELS[name], tmp_path)

    def try_one(rng: random.Random) -> str:
        shutil.rmtree(tmp_path / "x", ignore_errors=True)
        return attacks.outcome(attacks.write_folder(attacks.corrupt_model(files, rng)[1], tmp_path / "x"))

    fuzz(f"models of {name}", share, tally, try_one)


@pytest.mark.stress
@pytest.mark.parametrize("name", ["lstm-char", "gru-word"])
def test_long_checkpoints(
    name: str, share: float, tally: RecordLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = interrupted_checkpoint(attacks.MODELS[name], tmp_path / "c", monkeypatch)
    monkeypatch.setattr(training, "SAVE_EVERY", 5.0)

    def try_one(rng: random.Random) -> str:
        return resume_from(corrupt_checkpoint(data, rng), attacks.MODELS[name], tmp_path / "c")

    fuzz(f"checkpoints of {name}", share, tally, try_one)


@pytest.mark.stress
def test_a_hundred_million_characters_in_one_line(tally: RecordLine) -> None:
    start, words = time.process_time(), " ".join(random.Random(5).choices([f"word{n}" for n in range(50_000)], k=1000))
    line = (words * (100_000_000 // len(words) + 1))[:100_000_000]

    # cleaned and split without loss
    cleaned = clean(decode(line.encode()))
    assert cleaned == line.rstrip() + "\n"
    train, valid, test = split_text(cleaned)
    assert len(train) + len(valid) + len(test) == len(cleaned)

    # trained on and scored
    generator = registry.create("markov-char:order=1")
    generator.fit(Text(train[:30_000_000]), Text(valid[:100_000]), TrainContext())
    assert genbench.score(Model(generator), test[:100_000]).bits_per_character < 6

    # tokenized
    tokenizer = Tokenizer.words(train[:30_000_000])
    assert tokenizer.decode(tokenizer.encode(test[:1_000_000])) == test[:1_000_000]
    seconds = time.process_time() - start
    tally(f"100 MB in one line: cleaned, split, tokenized and trained on in {seconds:.0f} s")
