"""Build the BackoffModel of a smoothed tree, and check that its arrays belong together."""

from __future__ import annotations

from typing import Any

import numpy as np
from genbench_plugins.markov.backoff_model import BackoffForm, BackoffModel
from genbench_plugins.markov.fitted_smoothing import COUNT_BINS, WIDTHS
from genbench_plugins.markov.packed_tree import PackedTree, leaf_depth, token_type
from genbench_plugins.markov.smoothing import METHODS, Smoothing
from genbench_plugins.markov.suffix_tree import Floats


def build_model(
    tree: PackedTree, smoothing: Smoothing, base: Floats, backoff_form: BackoffForm | None = None
) -> BackoffModel:
    """Return the model of a smoothed tree; `backoff_form` has its probabilities and backoff if they are known.

    Raises ValueError for arrays that do not belong together, because the kernels do not check what they read.
    """
    model = bare_model(tree, smoothing, base)
    if backoff_form is None:
        from genbench_plugins.markov import kernels

        backoff_form = np.empty(len(tree.continuations)), np.empty(len(tree.depth))
        kernels.fill_backoff_form(model, *backoff_form)
    probabilities, backoff = (read_only(array, np.float64) for array in backoff_form)
    if probabilities.shape != tree.continuations.shape or backoff.shape != tree.depth.shape:
        raise ValueError("the probabilities belong to another suffix tree")
    return model._replace(probabilities=probabilities, backoff=backoff)


def bare_model(tree: PackedTree, smoothing: Smoothing, base: Floats) -> BackoffModel:
    """Return a model without probabilities and backoff. Raises ValueError, as `build_model` does."""
    _check_smoothing(tree, smoothing)
    return BackoffModel(
        parent=read_only(tree.parent, np.int32),
        depth=read_only(tree.depth, np.uint16),
        starts=read_only(tree.starts, np.int32),
        tokens=read_only(tree.tokens, token_type(tree.vocabulary)),
        counts=read_only(tree.counts, np.uint8),
        large_counts=read_only(tree.large_counts, np.int32),
        continuations=read_only(tree.continuations, np.uint8),
        large_continuations=read_only(tree.large_continuations, np.int32),
        links=read_only(tree.links, np.int32),
        leaves=tree.leaves,
        first_pair=int(tree.starts[tree.leaves]),
        longest=-1 if tree.longest is None else tree.longest,
        leaf_depth=leaf_depth(tree.longest),
        method=METHODS.index(smoothing.method),
        every_length=tree.longest is not None and smoothing.method != "fitted",
        discounts=read_only(smoothing.discounts, np.float64),
        weights=read_only(smoothing.weights, np.float64),
        base=read_only(base, np.float64),
        probabilities=read_only(np.empty(0), np.float64),
        backoff=read_only(np.empty(0), np.float64),
        discounted=np.empty(len(base)),
        edge=np.empty(len(base)),
        table=np.empty(len(COUNT_BINS)),
    )


def temper(model: BackoffModel, temperature: float) -> BackoffModel:
    """Return a model whose probabilities, except inside edges, are raised to 1 / temperature, and not normalized."""
    power = 1 / temperature
    arrays = {
        name: read_only(getattr(model, name) ** power, np.float64) for name in ("base", "probabilities", "backoff")
    }
    return model if power == 1 else model._replace(**arrays)


def _check_smoothing(tree: PackedTree, smoothing: Smoothing) -> None:
    """Raise ValueError for discounts or weights that do not cover the tree."""
    lengths = (tree.deepest if tree.longest is not None else 0) + 1
    by_length = smoothing.method in ("kneser-ney", "modified-kneser-ney", "absolute")
    shape = np.shape(smoothing.discounts)
    if by_length and (len(shape) != 2 or shape[0] < lengths or shape[1] < 3):
        raise ValueError(f"the discounts have the shape {shape}, and {lengths} lengths of context need three each")
    shape, expected = np.shape(smoothing.weights), (sum(WIDTHS), len(COUNT_BINS))
    if smoothing.method == "fitted" and shape != expected:
        raise ValueError(f"the weights of the discounts have the shape {shape}, not {expected}")


def read_only(array: Any, kind: type) -> Any:
    """Return a view of an array that cannot be written: kernels are compiled for one type of array."""
    view: Any = np.ascontiguousarray(array, kind).view()
    view.flags.writeable = False
    return view
