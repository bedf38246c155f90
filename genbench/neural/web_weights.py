"""The weights of a network for a web page (`genbench.web`), which runs torch's LSTM, GRU and RNN over characters."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from genbench.neural.auto_size import MULTIPLE
from genbench.neural.heads import ByteEscapeHead
from genbench.neural.network import Network
from genbench.web.forms import ADAPTIVE, ONLY_CHARACTERS, Cell, RecurrentLayer, RecurrentWeights

BASED = "its predictions are interpolated with those of a chain"
OTHER_CELL = "its cell is not an LSTM, a GRU or an RNN with tanh, the cells that a page computes"
MANY_CHARACTERS = "its text has too many different characters for the output layer of a page"
WEIGHTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def web_obstacle(generator: Any, network: Network | None) -> str:
    """Return why a page cannot run a network, "" if it can; `network` is None before the training."""
    if generator.adaptive:
        return ADAPTIVE
    if generator.base is not None:
        return BASED
    kind = generator.build_tokenizer("a").kind
    if kind != "characters":
        return ONLY_CHARACTERS.format(kind)

    # a new core tells the cell of an untrained network; it must not change the random numbers of the training
    with torch.random.fork_rng(devices=[]):
        core = generator.core(1, generator.hidden or MULTIPLE) if network is None else network.core
    if _cell(core) is None:
        return OTHER_CELL
    return "" if network is None or isinstance(network.head, ByteEscapeHead) else MANY_CHARACTERS


def export_weights(network: Network) -> RecurrentWeights:
    """Return the weights of a network for which there is no obstacle."""
    head, core = network.head, network.core
    assert isinstance(head, ByteEscapeHead)
    cell = _cell(core)
    assert cell is not None
    layers = [
        RecurrentLayer(*(_array(getattr(core, f"{name}_l{layer}")) for name in WEIGHTS))
        for layer in range(int(core.num_layers))  # type: ignore[arg-type]
    ]
    with torch.inference_mode():
        vectors = network.embedding(torch.arange(head.groups().numel()))
    return RecurrentWeights(cell, _array(vectors), layers, _array(head.linear.weight), _array(head.linear.bias))


def _cell(core: Any) -> Cell | None:
    """Return the name of a core's cell; None for one that a page does not compute."""
    if isinstance(core, nn.LSTM):
        return "lstm"
    if isinstance(core, nn.GRU):
        return "gru"
    return "rnn" if isinstance(core, nn.RNN) and core.nonlinearity == "tanh" else None


def _array(tensor: torch.Tensor) -> Any:
    return tensor.detach().float().numpy()
