"""The check that a generator which draws by itself draws what it predicts."""

from __future__ import annotations

import numpy as np

from genbench.capabilities import QuantileSampling
from genbench.testing.examples import require
from genbench.testing.subject import Subject

EVENLY = 1_000  # numbers from 0 to 1
STRETCHES = 6  # that one token may have: the numbers give its share but for so many of them
TEMPERATURES = (1.0, 0.7)


def drawn_as_predicted(subject: Subject) -> None:
    """Where quantiles says the token at a number from 0 to 1, each token is as wide as predict says.

    Lay the tokens side by side, as wide as exp(predict / temperature), normalised; without quantiles all is well.
    """
    generator = subject.fitted
    if not isinstance(generator, QuantileSampling):
        return
    uniforms, state = (np.arange(EVENLY) + 0.5) / EVENLY, generator.start()
    for token in generator.tokenizer.encode(subject.texts[2][:40]).tolist():
        for temperature in TEMPERATURES:
            found = generator.quantile_tokens([state] * EVENLY, uniforms, temperature)
            wide = np.exp(generator.log_probs(state) / temperature)
            off = np.abs(np.bincount(found[found >= 0], minlength=len(wide)) / EVENLY - wide / wide.sum())
            worst = int(off.argmax())
            said = f"token {worst} is {off[worst]:.3f} wider or narrower than predict says at temperature {temperature}"
            require(bool((found < 0).all()) or off[worst] <= STRETCHES / EVENLY, said)
        state = generator.advance(state, token)
