"""Seeds: whether a training read its seed, and several seeds as one row."""

from dataclasses import dataclass

import numpy as np
import pytest
from doubles import Unigram
from rows import scored_row
from test_significance import BLOCKS, row

from genbench import registry
from genbench.analysis.strata import StratumBits
from genbench.experiments.job import add_training
from genbench.experiments.row import Row
from genbench.experiments.seeds import aggregate_seeds
from genbench.experiments.significance import compare_rows, compare_strata, verdict_notes
from genbench.generator import Generator, Text, TrainContext
from genbench.model import Model
from genbench.spec import Spec
from genbench.training import TrainingText, TrainSettings, train_model

TEXT = TrainingText("cats", "the cat sat on the mat.\n" * 40, "the cat sat.\n" * 5)
CHAINS = ("markov", "markov-class", "markovify", "nltk-lm", "mixture:parts=markov-char+markov-word")


@dataclass
class Seeded(Unigram):
    """A generator that may read its seed, itself or in a part."""

    how: str = "no"

    def fit(self, train: Text, valid: Text, context: TrainContext) -> None:
        super().fit(train, valid, context)
        part = context.part("part", 0.5)  # has a seed of its own, which nobody may read
        if self.how == "itself":
            np.random.default_rng(context.seed)
        if self.how == "part":
            np.random.default_rng(part.seed)


def train(generator: Generator, spec: str = "unigram") -> Model:
    return train_model(generator, Spec.parse(spec), TEXT, TrainSettings())


@pytest.mark.parametrize(("how", "seeded"), [("no", False), ("itself", True), ("part", True)])
def test_a_training_records_whether_it_read_its_seed(how: str, seeded: bool) -> None:
    model = train(Seeded(how=how))
    assert model.card is not None
    assert model.card.training.seeded == seeded
    assert add_training(Row("cats", "unigram"), model).one_training == seeded


@pytest.mark.parametrize("spec", CHAINS)
def test_chains_read_no_seed_and_no_limits(spec: str) -> None:
    model = train(registry.create(Spec.parse(spec)), spec)
    assert model.card is not None
    assert model.card.training.ignored == ("seed", "budget", "steps", "flops")


def test_seeds_are_aggregated_into_their_mean() -> None:
    rows = [row("net", BLOCKS, seed=0), row("net", BLOCKS + 200, seed=1), row("chain", BLOCKS)]
    net, chain = aggregate_seeds(rows)
    assert net.bits_per_character == pytest.approx(rows[0].ranking_bits + 0.1)
    assert net.block_bits == pytest.approx(BLOCKS + 100)
    assert net.spread == (rows[0].bits_per_character, rows[1].bits_per_character)
    assert net.seeds == 2
    assert chain is rows[2]
    assert len(aggregate_seeds([row("net", BLOCKS, options={"n": n}) for n in (1, 2)])) == 2


def test_one_training_of_a_seeded_generator_is_named_so() -> None:
    net, chain = row("net", BLOCKS, seeded=True), row("chain", BLOCKS + 100)
    (verdict,) = compare_rows([net, chain])
    assert verdict.sentence(unit="") == "this training of net ahead of chain by 0.100 [0.100, 0.100]"
    (note,) = verdict_notes([verdict])
    assert note.startswith("net: trained from one seed")
    assert "--seeds 3" in note


def seeds(name: str, bits: float, spread: float) -> list[Row]:
    """Return three rows of a generator that differ by so many bits of a block."""
    return [row(name, BLOCKS + bits + spread * seed, seed=seed, seeded=True) for seed in range(3)]


def test_seeds_that_differ_leave_no_verdict() -> None:
    # means 0.1 apart; the seeds of each are 0.2 apart, so their mean has a standard error of 0.12
    lines = aggregate_seeds([*seeds("a", 0, 200), *seeds("b", 100, 200), *seeds("chain", 300, 0)])
    a, _, chain = lines
    assert a.seed_variance == pytest.approx(0.2**2 / 3)
    assert chain.seed_variance == pytest.approx(0)
    assert not any(verdict.clear for verdict in compare_rows(lines))

    # the interval of a line has its seeds in it
    assert a.interval is not None
    assert chain.interval is not None
    assert a.interval[1] - a.interval[0] > chain.interval[1] - chain.interval[0]


def test_seeds_that_hardly_differ_leave_the_difference_clear() -> None:
    (verdict,) = compare_rows(aggregate_seeds([*seeds("a", 0, 1), *seeds("b", 100, 1)]))
    assert verdict.clear
    assert verdict.one_training == []
    assert verdict.interval is not None
    assert verdict.interval[0] < 0.1 < verdict.interval[1]


def test_seeds_count_on_each_stratum() -> None:
    def on_strata(name: str, seed: int, **bits: float) -> Row:
        strata = {
            key: StratumBits(10_000, 10_000 * value, [500.0] * 20, [500 * value] * 20) for key, value in bits.items()
        }
        mean = sum(bits.values()) / len(bits)
        return scored_row(name, mean, seed=seed, splits={"place": strata})

    rows = [on_strata("a", seed, steady=2.0, unsteady=2.0 + 0.2 * seed) for seed in range(3)]
    steady, unsteady = compare_strata([*aggregate_seeds(rows), on_strata("b", 0, steady=2.1, unsteady=2.3)], "place")
    assert (steady.verdicts[0].better, steady.verdicts[0].clear) == ("a", True)
    assert (unsteady.verdicts[0].better, unsteady.verdicts[0].clear) == ("a", False)
