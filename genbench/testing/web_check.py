"""Check of the capability `WebExport`: the exported model predicts what the generator does."""

from __future__ import annotations

from typing import Any

import numpy as np

from genbench.testing.counterexamples import describe_token, require
from genbench.testing.subject import Subject
from genbench.web.forms import BackoffTable, WebExport, web_obstacle
from genbench.web.packed_chain import PackedChain
from genbench.web.packed_network import PackedNetwork

CHARACTERS = 60  # of test text
TOLERANCE = 0.05  # of a probability: numbers are rounded in the page


def web_export_predicts_the_same(subject: Subject) -> None:
    """web_export gives a model with the probabilities of log_probs, to a twentieth.

    Compare both at the named character; name in web_obstacle what a page cannot run.
    """
    generator = subject.fitted
    if not isinstance(generator, WebExport) or web_obstacle(generator):
        return
    form, size = generator.web_export(), generator.tokenizer.size
    packed: Any = PackedChain.pack(form) if isinstance(form, BackoffTable) else PackedNetwork.pack(form, 16)
    require(packed.size == size, f"web_export has {packed.size} tokens, and the tokenizer {size}")

    # read a newline and the text by both
    web, state = packed.start(), generator.start()
    for token in generator.tokenizer.encode("\n").tolist():
        web = packed.advance(web, token)
    ids = generator.tokenizer.encode(subject.texts[2][:CHARACTERS])
    for place, token in enumerate(ids.tolist()):
        expected, found = np.exp(generator.log_probs(state)), np.exp(packed.log_probs(web))
        worst = int(np.abs(found - expected).argmax())
        name = describe_token(generator.tokenizer, np.append(ids[:place], worst), place)
        require(
            abs(found[worst] - expected[worst]) <= TOLERANCE,
            f"{name} has the probability {found[worst]:.4f} in the page; {expected[worst]:.4f} expected",
        )
        web, state = packed.advance(web, token), generator.advance(state, token)
