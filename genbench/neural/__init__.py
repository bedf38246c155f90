"""Recurrent networks as generators. For plugins: `from genbench.neural import RecurrentGenerator`.

    recurrent           RecurrentGenerator: the training
    network_options     NetworkOptions: the options
    trained_network     TrainedNetwork: the methods of the contract after the training
    word_network        WordNetwork: the same over words
    subword_network     SubwordNetwork: the same over parts of words
    network             embedding, core and head as one module; states of cores
    embeddings          word vectors, subwords, one-hot, word2vec
    interpolation       log-linear interpolation of a network with a counting model
    repeated_stream     the tokens of a text with weights, and which are copies
    base_model          the counting model of the option `base`, and its predictions for the training
    heads               softmax, adaptive softmax, tied weights
    batches             batches of a token stream: stateful rows, independent windows
    training            the training loop: truncated backpropagation through time
    optimizers          Muon and AdamW
    weight_average      the running mean of the weights
    snapshot            a copy that predicts, in the middle of a training
    fine_tuning         weights that begin at those of another network
    schedule            learning rates, and how a budget becomes steps
    operations          floating-point operations of a training step
    auto_size           hidden units and dropout for options left at "auto"
    checkpoint          saving and resuming a training run; size limits for untrusted files
    precision           bf16 and other numeric settings for training
    distributed         data-parallel training in several processes (torchrun)
    reader              reads a text with constant weights
    dynamic_evaluation  reads a text and goes on learning from it
    weight_versions     the versions of its weights, computed with by one network
    inference           single steps of a trained network in numpy, for generation
    parallel_scoring    scoring of a long stream in parallel rows
    probe               gates, memory and gradients of a trained network
    web_weights         the weights of a trained network, for a web page
    recurrent_ops       building blocks for cores with a hand-written backward pass
    classifier          the RNN and LSTM author classifiers

Importing this package does not import torch; the first use of one of the names below does.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from genbench.neural.batches import BatchSampler as BatchSampler
    from genbench.neural.batches import WindowBatches as WindowBatches
    from genbench.neural.embeddings import OneHot as OneHot
    from genbench.neural.probe import NetworkProbe as NetworkProbe
    from genbench.neural.recurrent import RecurrentGenerator as RecurrentGenerator
    from genbench.neural.recurrent_ops import RecurrentMatmul as RecurrentMatmul
    from genbench.neural.recurrent_ops import clamp_backward as clamp_backward
    from genbench.neural.recurrent_ops import sigmoid_backward as sigmoid_backward
    from genbench.neural.recurrent_ops import tanh_backward as tanh_backward
    from genbench.neural.subword_network import SubwordNetwork as SubwordNetwork
    from genbench.neural.word_network import WordNetwork as WordNetwork

_MODULES = {
    "BatchSampler": "batches",
    "NetworkProbe": "probe",
    "OneHot": "embeddings",
    "RecurrentGenerator": "recurrent",
    "RecurrentMatmul": "recurrent_ops",
    "SubwordNetwork": "subword_network",
    "WindowBatches": "batches",
    "WordNetwork": "word_network",
    "clamp_backward": "recurrent_ops",
    "sigmoid_backward": "recurrent_ops",
    "tanh_backward": "recurrent_ops",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _MODULES:
        raise AttributeError(f"module 'genbench.neural' has no attribute {name!r}")
    return getattr(importlib.import_module(f"genbench.neural.{_MODULES[name]}"), name)
