"""Each check of the conformance kit fails for a generator with one fault and passes for a correct one."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from doubles import Unigram

from genbench import Tokenizer
from genbench.capabilities import BackoffLevel, LayerActivations
from genbench.charlevel import CharacterView
from genbench.errors import ContractError
from genbench.generator import LogProbs, ProgressCallback, Text, TrainContext, ignore
from genbench.sampling.constraints.tokens import TokenAutomaton
from genbench.testing import CHECKS, Subject, parametrize_with_checks, run_checks
from genbench.tokenization.tokenizer import Ids
from genbench.web import BackoffTable, TableLevel


class Untaught(Unigram):
    """Has no tokenizer after fit."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None: ...


class Lossy(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        self.tokenizer.encode_with_ends = lambda text: Tokenizer.encode_with_ends(self.tokenizer, text.lower())  # type: ignore[method-assign]


class TooMuch(Unigram):
    def log_probs(self, state: Any) -> LogProbs:
        return self.table + np.log(1.3)


class Infinite(Unigram):
    """Gives unseen tokens no probability."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return np.where(ids < 256, -np.inf, self.table[ids])


class Disagrees(Unigram):
    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return self.table[ids] - 0.01


class CountsTwice(Unigram):
    """Reports the probability of half of the text."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return self.table[ids] / 2


class Mutable(Unigram):
    """Changes its state in place."""

    def start(self) -> Any:
        return Counter()

    def advance(self, state: Any, token: int) -> Any:
        state[token] += 1
        return state

    def log_probs(self, state: Any) -> LogProbs:
        weights = np.exp(self.table)
        for token, number in state.items():
            weights[token] += number
        return np.log(weights / weights.sum())


class Global(Unigram):
    """Samples with its own random generator."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        return self.table[ids]

    def log_probs(self, state: Any) -> LogProbs:
        noise = self.table + np.random.default_rng().normal(size=len(self.table))
        return noise - np.logaddexp.reduce(noise)


class Unseeded(Unigram):
    """Changes the global random state in fit."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        np.random.seed(0)


class Rounded(Unigram):
    def dump(self) -> dict[str, Any]:
        return super().dump() | {"table": self.table.astype(np.float16)}


class Remembers(Unigram):
    """Learns from the texts of all earlier fits too."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.text = str(vars(self).get("text", "")) + str(train)
        super().fit(Text(self.text), valid, context)


class Peeks(Unigram):
    """Counts the validation text too."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(Text(str(train) + str(valid) * 50), valid, context)


class UniformQuantiles(Unigram):
    """Samples all tokens with the same probability, whatever it predicts."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        return np.asarray((uniforms * len(self.table)).astype(np.int64))


class RightQuantiles(Unigram):
    """Gives each token an interval of its probability, in the order of the ids."""

    def quantile_tokens(self, states: Sequence[Any], uniforms: LogProbs, temperature: float) -> Ids:
        cumulative = np.cumsum(np.exp(self.table / temperature))
        return np.searchsorted(cumulative, uniforms * cumulative[-1], side="right")


class SamplesForwards(Unigram):
    """Samples many tokens in one call."""

    def sample_stream(
        self, state: Any, rng: np.random.Generator, count: int, temperature: float, first_token: int
    ) -> tuple[Ids, Any]:
        cumulative = np.cumsum(np.exp(self.table[first_token:] / temperature))
        ids = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
        return first_token + ids, [state] * count


class SamplesBackwards(SamplesForwards):
    """Returns the tokens that it samples in the opposite order."""

    def sample_stream(
        self, state: Any, rng: np.random.Generator, count: int, temperature: float, first_token: int
    ) -> tuple[Ids, Any]:
        ids, end = super().sample_stream(state, rng, count, temperature, first_token)
        return ids[::-1], end


class SamplesTogether(SamplesForwards):
    """Samples several texts in one call, all of them with the random generator of the first."""

    def sample_streams(
        self, states: Sequence[Any], rngs: Sequence[Any], counts: Sequence[int], temperature: float, first_token: int
    ) -> list[tuple[Ids, Any]]:
        arguments = zip(states, counts, strict=True)
        return [self.sample_stream(state, rngs[0], count, temperature, first_token) for state, count in arguments]


class ByCharacters(Unigram):
    """Predicts words by their frequencies, and has a character view of its own."""

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        self.tokenizer = Tokenizer.words(train)
        counts = np.bincount(self.tokenizer.encode(train), minlength=self.tokenizer.size) + self.smoothing
        self.table = np.log(counts / counts.sum())

    def character_view(self) -> CharacterView | None:
        return CharacterView(self)


class ByWrongCharacters(ByCharacters):
    """Has the character view of another distribution."""

    def character_view(self) -> CharacterView | None:
        other = ByCharacters()
        other.tokenizer, other.table = self.tokenizer, np.log(self.tokenizer.base_distribution())
        return CharacterView(other)


class RightRows(Unigram):
    """Has no context: a row of a state has nothing."""

    def fit_ids(self, *_: Any) -> None:
        raise NotImplementedError

    def build_tokenizer(self, train: str) -> Tokenizer:
        return Tokenizer.characters(train)

    def read_rows(self, ids: Ids, row: Ids | None = None) -> Ids:
        return np.zeros((len(ids) + 1, 1), np.int64)

    def group_log_probs(self, rows: Ids, groups: Ids) -> npt.NDArray[np.float32]:
        sums = np.log(np.bincount(groups, np.exp(self.table)))
        return np.repeat(sums[None], len(rows), axis=0).astype(np.float32)

    def selected_log_probs(self, rows: Ids, tokens: Ids) -> npt.NDArray[np.float32]:
        return np.repeat(self.table[None, tokens], len(rows), axis=0).astype(np.float32)

    def evidence_rows(self, rows: Ids) -> Ids:
        return np.zeros((len(rows), 3), np.int64)


class ShiftedGroups(RightRows):
    """Gives each group the probability of the next one."""

    def group_log_probs(self, rows: Ids, groups: Ids) -> npt.NDArray[np.float32]:
        return np.roll(super().group_log_probs(rows, groups), 1, axis=1)


class KnowsNothing(Unigram):
    """Has no token that a sample may have."""

    def known_tokens(self, state: Any) -> npt.NDArray[np.bool_]:
        return np.zeros(self.tokenizer.size, bool)


class KnowsLetters(Unigram):
    """Knows all words of its letters."""

    def known_tokens(self, state: Any) -> npt.NDArray[np.bool_]:
        return self.tokenizer.sampling_mask()


@dataclass
class AlreadyFitted(Unigram):
    """Predicts before it is trained."""

    def __post_init__(self) -> None:
        self.tokenizer = Tokenizer.characters("ab")
        self.table = np.full(self.tokenizer.size, -np.log(self.tokenizer.size))


class ForgetsTokenizer(Unigram):
    """Does not restore its tokenizer, as in contract 1."""

    def restore(self, learned: dict[str, Any]) -> None:
        self.table = learned["table"]


class ShiftedBatch(Unigram):
    """Its batch has a wrong prediction for the first state."""

    def advance_batch(self, states: Sequence[Any], tokens: Sequence[int]) -> Sequence[Any]:
        return [None] * len(states)

    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> LogProbs:
        rows = np.tile(self.table[:stop], (len(states), 1))
        rows[:1] = np.roll(rows[:1], 1)
        return rows


class RightBatch(ShiftedBatch):
    def log_probs_batch(self, states: Sequence[Any], stop: int | None = None) -> LogProbs:
        return np.tile(self.table[:stop], (len(states), 1))


@dataclass
class AcceptedTexts:
    """Texts of a unigram table, (vocabulary,), that an automaton accepts; without its masks if they are ignored."""

    table: LogProbs
    automaton: TokenAutomaton
    masked: bool

    def shares(self, at: int) -> LogProbs:
        """Return the probability of each token times that of an accepted text after it, (vocabulary,)."""
        weights = np.exp(self.table)
        if self.masked:
            weights = weights * self.automaton.masks[self.automaton.mask_of[at]]
        after = self.automaton.steps[at, self.automaton.groups]
        values = [self.value(int(state)) if state >= 0 else 0.0 for state in after]
        return weights / weights.sum() * np.array(values)

    def value(self, at: int) -> float:
        return 1.0 if self.automaton.final[at] else float(self.shares(at).sum())

    @property
    def probability(self) -> float:
        return self.value(0)

    def sample(self, rng: np.random.Generator) -> tuple[Ids, bool]:
        at, ids = 0, list[int]()
        while not self.automaton.final[at]:
            shares = self.shares(at)
            ids.append(int(rng.choice(len(shares), p=shares / shares.sum())))
            at = int(self.automaton.steps[at, self.automaton.groups[ids[-1]]])
        return np.array(ids), True


class ConditionsUnmasked(Unigram):
    """Conditions a distribution that includes tokens which samples never have."""

    masked: ClassVar[bool] = False

    def condition(
        self, state: Any, automaton: TokenAutomaton, temperature: float, progress: ProgressCallback = ignore
    ) -> AcceptedTexts:
        return AcceptedTexts(self.table / temperature, automaton, self.masked)


class Conditions(ConditionsUnmasked):
    masked = True


class WrongEvidence(Unigram):
    """Its back-off levels have other probabilities than its predictions."""

    factor: ClassVar[float] = 2.0

    def backoff_levels(self, state: Any) -> Sequence[BackoffLevel]:
        tokens = np.arange(3) + 256
        ones = np.ones(3)
        return [BackoffLevel(0, 0.0, tokens, ones, ones * 0, self.factor * np.exp(self.table[tokens]))]


class RightEvidence(WrongEvidence):
    factor = 1.0


class WrongLengths(Unigram):
    """Returns other context lengths for a stream than for its states."""

    def context_length(self, state: Any) -> int:
        return 0

    def context_lengths(self, ids: Ids) -> Ids:
        return np.arange(len(ids))


class RightLengths(WrongLengths):
    def context_lengths(self, ids: Ids) -> Ids:
        return np.zeros(len(ids), np.int64)


@dataclass
class ConstantProbe:
    """All its gates have the same value."""

    gate: float

    def layers(self, ids: Ids) -> list[LayerActivations]:
        return [LayerActivations(np.zeros((len(ids), 2)), {"forget": np.full((len(ids), 2), self.gate)})]

    def gradients(self, ids: Ids, lags: int, scale: float | None = None) -> LogProbs:
        return np.zeros((len(ids), lags))


class WideGates(Unigram):
    """Has gates above one."""

    gate: ClassVar[float] = 1.5

    def probe(self) -> ConstantProbe:
        return ConstantProbe(self.gate)


class RightGates(WideGates):
    gate = 0.5


class Learner(Unigram):
    """Adaptive: counts the tokens that it reads, in its state."""

    def start(self) -> Any:
        return ()

    def advance(self, state: Any, token: int) -> Any:
        return (*state, token)

    def log_probs(self, state: Any) -> LogProbs:
        weights = np.exp(self.table)
        np.add.at(weights, np.array(state, np.int64), 1.0)
        return np.log(weights / weights.sum())


class DeclaredLearner(Learner):
    adapts: ClassVar[bool] = True


class CountsBySeed(Unigram):
    """Declares that it counts, and lets the seed decide how much."""

    learns_by_counting: ClassVar[bool] = True

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train[: len(train) // (1 + context.seed)], valid, context)


class Counts(Unigram):
    learns_by_counting: ClassVar[bool] = True


class Useless(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        weights = 1 / np.exp(self.table)
        self.table = np.log(weights / weights.sum())


class RightExport(Unigram):
    """A page runs it as a chain without contexts."""

    web_obstacle = ""

    def web_export(self) -> BackoffTable:
        tokens = np.arange(self.tokenizer.size)
        return BackoffTable([TableLevel(tokens * 0, tokens, np.exp(self.table), tokens * 0 + 1)], len(tokens))


class ExportsUniform(RightExport):
    def web_export(self) -> BackoffTable:
        (level,) = super().web_export().levels
        uniform = replace(level, probabilities=np.full(len(level.tokens), 1 / len(level.tokens)))
        return BackoffTable([uniform], len(level.tokens))


BROKEN = {
    "learns": Untaught,
    "untrained_is_refused": AlreadyFitted,
    "lossless_round_trip": Lossy,
    "sums_to_one": TooMuch,
    "finite_bits_for_any_text": Infinite,
    "no_text_counted_twice": CountsTwice,
    "states_are_values": Mutable,
    "same_seed_same_text": Global,
    "fit_is_reproducible": Unseeded,
    "dump_has_tokenizer": ForgetsTokenizer,
    "save_load_keeps_every_bit": Rounded,
    "refit_forgets": Remembers,
    "counts_ignore_valid": Peeks,
    "beats_uniform": Useless,
    "batch_equals_steps": Disagrees,
    "batch_stepping_equals_steps": ShiftedBatch,
    "quantiles_follow_log_probs": UniformQuantiles,
    "sampled_streams_equal_steps": SamplesBackwards,
    "conditioned_sequence_has_its_probability": ConditionsUnmasked,
    "rows_agree_with_log_probs": ShiftedGroups,
    "character_view_sums_words": ByWrongCharacters,
    "known_tokens_lead_on": KnowsNothing,
    "backoff_levels_agree_with_log_probs": WrongEvidence,
    "context_lengths_equal_steps": WrongLengths,
    "probe_has_a_row_per_token": WideGates,
    "counting_reads_the_text_alone": CountsBySeed,
    "adaptation_is_declared": Learner,
    "web_export_predicts_the_same": ExportsUniform,
}
RIGHT = {
    "batch_stepping_equals_steps": RightBatch,
    "quantiles_follow_log_probs": RightQuantiles,
    "sampled_streams_equal_steps": SamplesForwards,
    "conditioned_sequence_has_its_probability": Conditions,
    "rows_agree_with_log_probs": RightRows,
    "character_view_sums_words": ByCharacters,
    "known_tokens_lead_on": KnowsLetters,
    "backoff_levels_agree_with_log_probs": RightEvidence,
    "context_lengths_equal_steps": RightLengths,
    "probe_has_a_row_per_token": RightGates,
    "counting_reads_the_text_alone": Counts,
    "adaptation_is_declared": DeclaredLearner,
    "web_export_predicts_the_same": RightExport,
}


def test_texts_that_are_sampled_together_do_not_depend_on_each_other() -> None:
    with pytest.raises(AssertionError, match="depend on those that are sampled beside it"):
        CHECKS["sampled_streams_equal_steps"](Subject(SamplesTogether))


def test_every_check_has_its_broken_generator() -> None:
    assert set(BROKEN) == set(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_good_generator_passes(check: str) -> None:
    CHECKS[check](Subject(Unigram))


@pytest.mark.parametrize("check", RIGHT)
def test_a_correct_capability_passes(check: str) -> None:
    CHECKS[check](Subject(RIGHT[check]))


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_catches_its_broken_generator(check: str) -> None:
    with pytest.raises(AssertionError) as caught:
        CHECKS[check](Subject(BROKEN[check]))
    assert str(caught.value)


class WrongAfterE(Unigram):
    """Its batch is wrong for one token in one context."""

    def token_log_probs(self, ids: Ids, progress: ProgressCallback = ignore) -> LogProbs:
        h, e = self.tokenizer.encode("he").tolist()
        wrong = (ids == e) & (np.roll(ids, 1) == h) & (np.arange(len(ids)) > 0)
        return np.where(wrong, -1.0, self.table[ids])


def test_an_example_is_the_smallest_and_has_context_token_and_both_values() -> None:
    subject = Subject(WrongAfterE)
    with pytest.raises(AssertionError) as caught:
        CHECKS["batch_equals_steps"](subject)
    token = int(subject.fitted.tokenizer.encode("e")[0])
    expected = subject.fitted.table[token]  # type: ignore[attr-defined]
    assert str(caught.value) == f"after 'h', token {token} ('e'): {expected:.7g} nats expected, -1 got"


def test_two_generators_are_compared_at_the_first_token_that_differs() -> None:
    with pytest.raises(AssertionError, match=r"after '', token \d+ \('.'\): -\S+ nats expected, -\S+ got"):
        CHECKS["save_load_keeps_every_bit"](Subject(Rounded))


class Crashes(Unigram):
    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        raise KeyError("counts")


def test_after_a_failing_fit_no_other_check_runs() -> None:
    (result,) = run_checks(Subject(Crashes))
    assert (result.check, result.outcome) == ("learns", "fails")
    assert result.example.startswith("KeyError: 'counts' (test_testing.py, line ")


class Declares(Unseeded):
    expected_failures: ClassVar = {"fit_is_reproducible": "the library that it calls has a global state"}


class DeclaresTooMuch(Unigram):
    expected_failures: ClassVar = {"sums_to_one": "it was so once"}


def test_a_declared_failure_is_expected_and_must_fail() -> None:
    results = {result.check: result for result in run_checks(Subject(Declares))}
    declared = results.pop("fit_is_reproducible")
    assert (declared.outcome, declared.advice) == (
        "expected",
        "the library that it calls has a global state",
    )
    assert {result.outcome for result in results.values()} == {"holds"}
    failing = [result.check for result in run_checks(Subject(DeclaresTooMuch)) if result.outcome == "fails"]
    assert failing == ["sums_to_one"]


@pytest.mark.parametrize(
    ("declared", "says"), [({"sums_to_on": "x"}, "did you mean sums_to_one"), ({"learns": " "}, "no reason")]
)
def test_a_declaration_names_a_check_and_a_reason(
    declared: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unigram, "expected_failures", declared)
    with pytest.raises(ContractError, match=says):
        list(run_checks(Subject(Unigram)))


@parametrize_with_checks(Declares)
def test_parametrize_marks_declared_failures(subject: Subject, check: Any) -> None:
    check(subject)


def test_every_check_has_a_requirement_and_advice() -> None:
    for check in CHECKS.values():
        requirement, _, advice = (check.__doc__ or "").partition("\n\n")
        assert requirement
        assert advice.strip()
