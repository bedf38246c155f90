"""The bound on networks that somebody else's weights ask for: what is made counts, what is only looked at does not."""

import numpy as np
import pytest
import torch

from genbench.neural.size_guard import Bounded

WEIGHTS = {"one": np.zeros(10)}


def test_parts_of_a_tensor_ask_for_no_room() -> None:
    with Bounded(WEIGHTS):
        first, second = torch.zeros(100_000).split([40_000, 60_000])  # 2.4e9, multiplied
    assert (len(first), len(second)) == (40_000, 60_000)


def test_a_tensor_much_larger_than_the_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="larger network"), Bounded(WEIGHTS):
        torch.zeros(60_000, 60_000)
