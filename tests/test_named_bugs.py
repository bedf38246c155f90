"""Honest bugs, and lies that need no test text, are named by the conformance kit with a small example."""

from pathlib import Path

import pytest
from doubles import Unigram
from liars import BUGS, LIES, write_lie

from genbench.testing import CHECKS, Subject, counterexamples
from genbench.testing.runner import run_check
from genbench.testing.subject import TOKENS

# what only the audit of a comparison sees: the kit has no test text to hide, and isolates nothing
AUDIT_ONLY = {
    "the model is written again after the test text was read",
    "its process sends its own row",
    "it reads the text from disk",
    "it asks another program",
    "it leaves the test text beside its code",
    "it copies, but not from the text that it was validated on",
}
NAMED = {  # a check that fails, and a part of its example
    "the last partial chunk stays at zero": ("batch_equals_steps", "nats expected, 0 got"),
    "every 4096th token is wrong": ("batch_equals_steps", "number 4,096 of 4,"),
    "NaN is replaced by zero": ("batch_equals_steps", "number 1,000 of 1,"),
    "rare ids are replaced in place": ("finite_bits_for_any_text", "read-only (toy.py, line "),
    "the tables of all contexts share memory": ("sums_to_one", "sum to 1.001, not to one"),
    "fast scores are all better": ("batch_equals_steps", "number 201 of 2"),
    "fast scores are better at the end": ("finite_bits_for_any_text", "token_log_probs disagrees with log_probs"),
    "scores above one": ("beats_uniform", "token_log_probs returns 3.000000 nats at token 500: no probability is"),
    "probabilities of more than one in all, later": ("sums_to_one", "sum to 1.64872, not to one"),
    "it changes itself": ("states_are_values", "start() predicts something else"),
    "it copies from the text that it reads": ("adaptation_is_declared", "and `adapts` is not true"),
    "it declares a context window that holds every text": ("adaptation_is_declared", "and `adapts` is not true"),
}
SLOW = {"it copies from the text that it reads", "it declares a context window that holds every text"}


def test_every_lie_is_named_or_left_to_the_audit() -> None:
    assert NAMED.keys() | AUDIT_ONLY == BUGS.keys() | LIES.keys()
    assert BUGS.keys() <= NAMED.keys()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", NAMED)
def test_a_bug_is_named_with_a_small_example(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counterexamples, "MAX_SHRINK_SECONDS", 0.5)
    subject = Subject.of(write_lie(tmp_path, (BUGS | LIES)[name], tmp_path / "test.txt", 0))
    subject.tokens = 300 if name in SLOW else 5_000
    check, example = NAMED[name]
    result = run_check(CHECKS[check], subject)
    assert result.outcome == "fails"
    assert example in result.example
    assert len(result.example) < 200


def test_the_kit_reads_ten_thousand_tokens() -> None:
    subject = Subject(Unigram)
    assert len(subject.walk.ids) == len(subject.walk.log_probs) == TOKENS == 10_000
    assert subject.long_text.startswith(subject.texts[2])
    assert (subject.walk.problem, subject.walk.change) == ("", "")
    assert len(Subject(Unigram, tokens=120_000).long_text) > 100_000  # longer than the corpus
