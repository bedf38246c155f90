"""AUTHOR expressions: sums of texts, each with a weight, such as `2*austen+carroll`.

    NAME+NAME        both texts, joined as the books of one author are
    NUMBER*NAME      a text whose training part is repeated

A name with a plus sign that is a path of a file or a folder is that path, and `gutenberg:1+2` are two books of one
author. The names of stored models are added up in the same way (`genbench models merge`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from genbench.corpus.gutenberg import is_gutenberg
from genbench.errors import CorpusError
from genbench.storage.user_files import is_existing_path

MAX_WEIGHT = 100

_WEIGHTED = re.compile(r"([0-9]{1,9})\*(.*)", re.DOTALL)


class Term(NamedTuple):
    """One text of a sum, and how often its training part is repeated."""

    weight: int
    name: str


def parse_terms(expression: str) -> list[Term]:
    """Return the terms of a sum; one term of weight 1 for a single name.

    Raises CorpusError for a name that is empty and a weight that is out of range.

    >>> parse_terms("2*austen+carroll")
    [Term(weight=2, name='austen'), Term(weight=1, name='carroll')]
    >>> parse_terms("gutenberg:1342+158+carroll")
    [Term(weight=1, name='gutenberg:1342+158'), Term(weight=1, name='carroll')]
    """
    pieces, terms = expression.split("+"), list[Term]()
    while pieces:
        # the longest path that exists; else up to the next plus sign
        stops = range(len(pieces), 0, -1)
        count = next((stop for stop in stops if _is_file("+".join(pieces[:stop]))), 1)
        term = _parse_term("+".join(pieces[:count]))

        # the other numbers of a list of Project Gutenberg's books; a missing one is an error of that list
        while is_gutenberg(term.name) and count < len(pieces) and (pieces[count].isdecimal() or not pieces[count]):
            term = term._replace(name=f"{term.name}+{pieces[count]}")
            count += 1
        terms.append(term)
        del pieces[:count]

    if len(terms) > 1 and not all(term.name for term in terms):
        raise CorpusError(
            f"{expression!r} is neither a file nor a sum of texts; write each as AUTHOR or NUMBER*AUTHOR, "
            "as in 2*austen+carroll"
        )
    return terms


def is_sum(expression: str) -> bool:
    """Return whether an expression has several terms, or a weight. Raises CorpusError as `parse_terms` does."""
    return parse_terms(expression) != [Term(1, expression)]


def rename_terms(expression: str, rename: Callable[[str], str]) -> str:
    """Return an expression whose names are replaced; a single name is replaced as it is.

    >>> rename_terms("2*austen+carroll", str.upper)
    '2*AUSTEN+CARROLL'
    """
    return "+".join(
        f"{term.weight}*{rename(term.name)}" if term.weight != 1 else rename(term.name)
        for term in parse_terms(expression)
    )


def describe_terms(terms: Sequence[Term]) -> str:
    """Return the name of a sum: its terms, those that are sums themselves in parentheses.

    >>> describe_terms([Term(2, "austen"), Term(1, "pell+marrow")])
    '2*austen+(pell+marrow)'
    """
    names = [name if is_gutenberg(name) or not set(name) & set("+*") else f"({name})" for _, name in terms]
    return "+".join(
        f"{term.weight}*{name}" if term.weight != 1 else name for term, name in zip(terms, names, strict=True)
    )


def _parse_term(text: str) -> Term:
    """Return the term that a text without plus signs, or a path, is."""
    weight, times, name = text.partition("*")
    if not times or text == "*" or is_existing_path(text):
        return Term(1, text)
    if not _WEIGHTED.fullmatch(text) or not 1 <= int(weight) <= MAX_WEIGHT or not name:
        raise CorpusError(
            f"{text!r} is neither a file nor a text with a weight: write NUMBER*AUTHOR, with a number from 1 to "
            f"{MAX_WEIGHT}, as in 2*austen"
        )
    return Term(int(weight), name)


def _is_file(text: str) -> bool:
    """Return whether a text is the path of a file or a folder, also behind a weight."""
    match = _WEIGHTED.fullmatch(text)
    return is_existing_path(text) or (match is not None and is_existing_path(match[2]))
