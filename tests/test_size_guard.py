"""The limit on the size of networks that untrusted files ask for: new tensors count, views do not."""

import numpy as np
import pytest
import torch

from genbench.neural.checkpoint import SizeGuard

WEIGHTS = {"weight": np.zeros(10)}


def test_views_of_a_tensor_do_not_count() -> None:
    with SizeGuard(WEIGHTS):
        first, second = torch.zeros(100_000).split([40_000, 60_000])  # 2.4e9, multiplied
    assert (len(first), len(second)) == (40_000, 60_000)


def test_a_tensor_much_larger_than_the_weights_is_refused() -> None:
    with pytest.raises(ValueError, match="larger network"), SizeGuard(WEIGHTS):
        torch.zeros(60_000, 60_000)
