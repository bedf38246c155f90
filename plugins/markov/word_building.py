"""Build `WordChains` from the parts of a mixture: sort the texts of the tokens, list all contexts, sum the roots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from genbench_plugins.markov.backoff_building import read_only
from genbench_plugins.markov.backoff_model import BackoffModel
from genbench_plugins.markov.suffix_tree import MISSING, Floats, Ints, Small
from genbench_plugins.markov.word_chains import (
    CELL,
    CHAIN,
    CONTEXT,
    NODE,
    PAIR,
    STORED_PAIRS,
    Records,
    WordChains,
    Words,
)

from genbench.tokenization.tokenizer import BYTES, Ids, Tokenizer

MAX_INSIDE = 4  # pairs of contexts inside edges, as a multiple of the pairs of nodes


class WordPart(NamedTuple):
    """A chain of a mixture, and the classes of its tokens; in a chain over words, every token has its own class."""

    model: BackoffModel
    start: tuple[int, int]  # node and length of the context before the first token
    class_of: Ids | None = None  # (vocabulary,)
    within: Floats | None = None  # (vocabulary,) probability of a token, given its class


class WordMixture(NamedTuple):
    """The weights of some chains by the kind of context, which encodes their context lengths (`mixture.py`)."""

    kinds: Ids  # (kinds,) ascending
    weights: Floats  # (kinds + 1, parts); the last row is for other kinds
    max_length: int  # longer contexts count as so long


ALONE = WordMixture(np.empty(0, np.int64), np.ones((1, 1)), 0)  # of one chain


def is_supported(tokenizer: Tokenizer, parts: Sequence[WordPart]) -> bool:
    """Return whether chains can be read as `WordChains`.

    They can if the space is a letter, all bytes are equally probable, and contexts inside edges are not many, as they
    are where the order is high and passages occur twice.
    """
    for part in parts:
        tokens = part.model.tokens
        if (contexts_inside(part.model) * np.diff(part.model.starts)).sum() > MAX_INSIDE * len(tokens):
            return False
        tables = (part.model.base,) if part.class_of is None else (part.class_of, part.within)
        if any(len(np.unique(table[:BYTES])) > 1 for table in tables if table is not None):
            return False
        if part.class_of is None and len(tokens) and np.any(tokens < BYTES):
            return False
    return " " in tokenizer.letters


def build_words(tokenizer: Tokenizer) -> tuple[Words, Ids]:
    """Return the trie of the texts of a tokenizer, and the row of every token, (vocabulary,)."""
    from genbench_plugins.markov import context_kernels
    from genbench_plugins.markov.characters import NOTHING, describe

    # sort letters and words by their symbols; a letter comes before the word with the same text
    symbols = {ord(letter): chr(1 + place) for place, letter in enumerate(tokenizer.letters)}
    texts = [text.translate(symbols) for text in (*tokenizer.letters, *tokenizer.known_words)]
    tokens = [*range(BYTES, tokenizer.end_id), *range(tokenizer.none_id + 1, tokenizer.size)]
    order = sorted(range(len(texts)), key=lambda place: (texts[place], place))
    rows = np.empty(tokenizer.size, np.int64)
    others = [tokenizer.none_id, tokenizer.end_id, *range(BYTES)]
    rows[[*(tokens[place] for place in order), *others]] = np.arange(tokenizer.size)

    # the trie
    joined = np.frombuffer("".join(texts[place] for place in order).encode("utf-32-le", "surrogatepass"), "<u4")
    starts = np.cumsum([0, *(len(texts[place]) for place in order)])
    nodes = np.zeros(len(joined) + 2, NODE)
    count = context_kernels.fill_trie(joined.astype(np.int64), starts, nodes)
    characters = np.array([NOTHING, *map(describe, tokenizer.letters)])
    space = 1 + tokenizer.letters.index(" ")
    none, end, byte = (int(rows[token]) for token in (tokenizer.none_id, tokenizer.end_id, 0))
    return Words(nodes[: count + 1].copy(), characters, space, none, end, byte), rows


def build_chains(
    tokenizer: Tokenizer, words: Words, rows: Ids, parts: Sequence[WordPart], mixture: WordMixture
) -> WordChains:
    """Return the chains of some parts, and their mixture, as `WordChains` describes them."""
    from genbench_plugins.markov import sum_kernels

    # the contexts of all parts; chains over words are numbered by rows
    ids = [rows if part.class_of is None else np.asarray(part.class_of, np.int64) for part in parts]
    within = [np.ones(len(rows)) if part.within is None else part.within for part in parts]
    models = [_renumber(part.model, rows) if part.class_of is None else part.model for part in parts]
    separate = [(*contexts_of(model), context_of(model, part.start)) for model, part in zip(models, parts, strict=True)]
    chains, contexts, pairs = _join(separate)
    chains["over_words"] = [part.class_of is None for part in parts]
    chains["ids"] = [len(model.base) for model in models]
    chains["first_id"] = np.cumsum(chains["ids"]) - chains["ids"]

    # the sets of tokens that are summed, at the roots and after contexts with many pairs
    root = [root_probabilities(model) for model in models]
    partitions = _first_symbols(tokenizer, words, rows), _spelling_symbols(tokenizer)
    first_cell, cells, root_sums = _build_cells(partitions, ids, within, root)
    many = np.flatnonzero(np.diff(contexts["start"]) > STORED_PAIRS)
    contexts["stored"][many] = np.arange(len(many))

    tokens = np.argsort(rows)
    joined = WordChains(
        chains,
        contexts,
        pairs,
        ids=np.array([numbers[tokens] for numbers in ids]),
        within=np.array([shares_of_ids[tokens] for shares_of_ids in within]),
        root=np.concatenate(root),
        first_cell=first_cell,
        cells=cells,
        root_sums=root_sums,
        stored=np.zeros((len(partitions), len(many), root_sums.shape[2])),
        kinds=np.array(mixture.kinds, np.int64),
        shares=np.array(mixture.weights, np.float64),
        max_length=mixture.max_length,
        classes=np.empty(int(chains["ids"].sum())),
        rows=np.empty(len(rows)),
        sums=np.empty(root_sums.shape[2]),
        weights=np.empty(len(parts)),
    )
    owners = np.repeat(np.arange(len(parts)), [len(part[0]) - 1 for part in separate])[many]  # the chains of contexts
    for partition in range(len(partitions)):
        sum_kernels.fill_stored(joined, partition, many, owners)
    return joined


def contexts_inside(model: BackoffModel) -> Ints:
    """Return how many contexts are inside the edge of each node, (nodes,)."""
    depth = np.concatenate([np.full(model.leaves, model.leaf_depth), model.depth.astype(np.int64)])
    parent_depth = np.where(model.parent == MISSING, depth - 1, depth[model.parent])
    return np.asarray(np.maximum(depth - parent_depth - 1, 0))


def _renumber(model: BackoffModel, rows: Ids) -> BackoffModel:
    """Return a model over rows instead of tokens, with the pairs of every node sorted."""
    owners = np.repeat(np.arange(len(model.parent)), np.diff(model.starts))
    order = np.lexsort((rows[model.tokens], owners))
    base = np.empty(len(rows))
    base[rows] = model.base
    first, place = model.first_pair, np.empty_like(order)
    place[order] = np.arange(len(order))
    inner, place_of_inner = order[first:] - first, place[first:] - first
    return model._replace(
        base=read_only(base, np.float64),
        tokens=read_only(rows[model.tokens][order], model.tokens.dtype.type),
        counts=read_only(model.counts[order], np.uint8),
        large_counts=_move_counts(model.large_counts, place),
        continuations=read_only(model.continuations[inner], np.uint8),
        large_continuations=_move_counts(model.large_continuations, place_of_inner),
        links=read_only(model.links[order], np.int32),
        probabilities=read_only(model.probabilities[inner], np.float64),
    )


def _move_counts(large: Small, place: Ints) -> Small:
    """Return a table of large counts whose pairs have moved, (n, 2)."""
    places = place[large[:, 0]]
    by_place = np.argsort(places)
    moved: Small = read_only(np.stack([places, large[:, 1]], axis=1)[by_place], np.int32)
    return moved


def contexts_of(model: BackoffModel) -> tuple[Records, Records, int]:
    """Return all contexts of a model and their pairs, and the root."""
    from genbench_plugins.markov import context_kernels

    nodes, sizes, inside = len(model.parent), np.diff(model.starts), _inside(model)
    contexts = np.zeros(nodes + int(inside[-1]) + 1, CONTEXT)
    pairs = np.zeros(len(model.tokens) + int((np.diff(inside) * sizes).sum()), PAIR)
    context_kernels.fill_contexts(model, inside, contexts, pairs)
    return contexts, pairs, nodes - 1


def context_of(model: BackoffModel, state: tuple[int, int]) -> int:
    """Return the context of a state."""
    from genbench_plugins.markov import context_kernels

    return context_kernels.find_context(model, _inside(model), *state)


def _inside(model: BackoffModel) -> Ints:
    """Return the number of contexts inside the edges of all nodes before each, (nodes + 1,)."""
    return np.concatenate([[0], np.cumsum(contexts_inside(model))])


def _join(parts: Sequence[tuple[Records, Records, int, int]]) -> tuple[Records, Records, Records]:
    """Return chains, contexts and pairs of all parts, one after the other; some values of the chains are not set."""
    chains = np.zeros(len(parts), CHAIN)
    first, first_pair = 0, 0
    for chain, (contexts, pairs, root, start) in zip(chains, parts, strict=True):
        contexts["parent"][contexts["parent"] != MISSING] += first
        contexts["start"] += first_pair
        pairs["link"][pairs["link"] != MISSING] += first
        chain["root"], chain["start"], chain["node"] = root + first, start + first, MISSING
        first, first_pair = first + len(contexts) - 1, first_pair + len(pairs)
    joined = np.concatenate([*(contexts[:-1] for contexts, *_ in parts), parts[-1][0][-1:]])
    return chains, joined, np.concatenate([pairs for _, pairs, *_ in parts])


def root_probabilities(model: BackoffModel) -> Floats:
    """Return the probabilities of all tokens after the empty context, (vocabulary,)."""
    from genbench_plugins.markov import kernels

    probabilities = np.empty(len(model.base))
    kernels.fill_distribution(model, len(model.parent) - 1, 0, 0, probabilities)
    return probabilities


def _first_symbols(tokenizer: Tokenizer, words: Words, rows: Ids) -> Ids:
    """Return the first symbol of every token, (vocabulary,); one more for NONE, MISSING for END."""
    letters = words.nodes[1 : len(words.characters)]
    by_row = np.repeat(letters["symbol"], letters["high"] - letters["low"])
    symbols = np.zeros(tokenizer.size, np.int64)
    symbols[np.argsort(rows)[: len(by_row)]] = by_row
    symbols[tokenizer.none_id], symbols[tokenizer.end_id] = len(words.characters), MISSING
    return symbols


def _spelling_symbols(tokenizer: Tokenizer) -> Ids:
    """Return the symbol of every letter and byte, (vocabulary,); one more for END, MISSING for other tokens."""
    symbols = np.full(tokenizer.size, MISSING)
    symbols[: tokenizer.none_id] = np.maximum(np.arange(tokenizer.none_id) - BYTES + 1, 0)
    return symbols


def _build_cells(
    partitions: Sequence[Ids], ids: Sequence[Ids], within: Sequence[Floats], root: Sequence[Floats]
) -> tuple[Ints, Records, Floats]:
    """Return first cell of every id, cells, and sums at the roots, as in `WordChains`.

    `partitions` has the set of every token, (vocabulary,), MISSING for one that belongs to none.
    """
    count = max(int(sets.max()) for sets in partitions) + 1
    root_sums = np.zeros((len(partitions), len(root), count))
    first, cells, used = [], [], 0
    for partition, set_of in enumerate(partitions):
        for k, probabilities in enumerate(root):
            # add the shares of the tokens of one id and one set
            tokens = np.flatnonzero(set_of != MISSING)
            places, inverse = np.unique(ids[k][tokens] * count + set_of[tokens], return_inverse=True)
            part = np.zeros(len(places), CELL)
            part["set"], part["share"] = places % count, np.bincount(inverse, within[k][tokens])
            root_sums[partition, k] = np.bincount(part["set"], probabilities[places // count] * part["share"], count)
            first.append(used + np.searchsorted(places // count, np.arange(len(probabilities))))
            cells.append(part)
            used += len(part)
        first.append(np.array([used]))
    return np.concatenate(first).reshape(len(partitions), -1), np.concatenate(cells), root_sums
