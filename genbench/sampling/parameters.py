"""Sampling parameters and prompts, validated when they are created."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import regex

from genbench.errors import ContractError, UserError
from genbench.sampling.constraints.options import Constraints
from genbench.spec import MAX_INTEGER, require_integer
from genbench.tokenization.text import Text, is_surrogate, require_text

DEFAULT_LENGTH = 300  # characters of a text, after which it goes on to the end of the sentence
MAX_LENGTH = 10**8  # characters of a text
MAX_OVERLAP_WORDS = 1_000  # the largest max_overlap
RANDOM_PROMPT = "random"  # replaced by a random passage of the author's text
RANDOM_PROMPT_CHARACTERS = 40

NO_CONSTRAINTS = Constraints()

# parameters that a generator may have defaults of; the values that change nothing
DEFAULTABLE: dict[str, float | None] = {"temperature": 1.0, "top_k": None, "top_p": None, "min_p": None}
UNCHANGED = {"top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0}

# parameters that constraints, which are on the distribution at a temperature, cannot be combined with
CHANGING = ("top_k", "top_p", "min_p", "repetition_penalty", "max_overlap", "stop")

# where a random prompt may begin, in order of preference; the match ends there
PROMPT_STARTS = (
    # a sentence: a paragraph, or what follows a mark after three lower-case letters (so not after "Mr." or "J.")
    regex.compile(
        r"""(?:\n\s*\n|(?:(?<![\p{L}\p{M}])\p{Ll}{3,}|\p{Lo}\p{M}*)(?:[.!?…؟।]['"\p{Pe}\p{Pf}]*\s|[。！？][\p{Pe}\p{Pf}]*))"""
        r"\s*(?=\S)(?!\p{Ll})"
    ),
    regex.compile(r"\n\s*(?=\S)"),  # a line
    regex.compile(r"\s(?=\S)"),  # a word
)


@dataclass(frozen=True)
class Sampling:
    """The sampling parameters: length, temperature, and parameters that restrict or change the distribution.

    `length` is in characters, so that samples of different generators are equally long. Without it, a text ends with
    the sentence that makes it 300 characters long, or where its constraints say. `genbench.sampling.step` lists the
    order in which the parameters are applied. A temperature, top-k, top-p or min-p of None is that of the generator
    (`default_sampling`). Raises UserError for a value out of range.
    """

    length: int | None = None
    temperature: float | None = None  # 0: greedy
    top_k: int | None = None  # sample from the k most probable tokens
    top_p: float | None = None  # sample from the most probable tokens that together have this probability
    min_p: float | None = None  # drop tokens less probable than this share of the most probable one
    repetition_penalty: float = 1.0  # above 1: to go on repeating the text is less probable (`repetition`)
    spelling: bool | None = None  # whether words may be spelled; None: unless the generator has KnownWords (markovify)
    stop: str | tuple[str, ...] | None = None  # end the text before this string, or the first of several to be complete
    keep_stop: bool = False  # end the text after the stop string instead
    max_overlap: float | None = None  # longest run of copied words; below 1, as a share of the text's words
    constraints: Constraints = NO_CONSTRAINTS  # what the whole text must be like

    def __post_init__(self) -> None:
        # length and temperature
        for name in ("length", "temperature", "repetition_penalty", "top_p", "min_p", "max_overlap"):
            value, optional = getattr(self, name), name in ("length", "temperature", "top_p", "min_p", "max_overlap")
            valid = isinstance(value, int | float) or (optional and value is None)
            _require(valid, name.replace("_", "-"), value, "a whole number" if name == "length" else "a number")
        require_integer("length", self.length, 0, MAX_LENGTH)
        temperature = 0.0 if self.temperature is None else self.temperature
        _require(0 <= temperature < float("inf"), "temperature", self.temperature, "0 (greedy) or more")

        # truncation
        require_integer("top-k", self.top_k, 1, MAX_INTEGER)
        _require(self.top_p is None or 0 < self.top_p <= 1, "top-p", self.top_p, "above 0 and at most 1")
        _require(self.min_p is None or 0 <= self.min_p <= 1, "min-p", self.min_p, "from 0 to 1")

        # penalty, overlap and stop string
        _require(
            0 < self.repetition_penalty < float("inf"),
            "repetition-penalty",
            self.repetition_penalty,
            "above 0 (1 is none)",
        )
        _require(
            self.max_overlap is None or 0 < self.max_overlap < 1 or self.max_overlap in range(1, MAX_OVERLAP_WORDS + 1),
            "max-overlap",
            self.max_overlap,
            f"a whole number of words from 1 to {MAX_OVERLAP_WORDS}, or a share of them between 0 and 1",
        )
        for stop in self.stop_strings:
            _require(_is_text(stop), "stop", stop, "at least one character of valid text")

        # one end of the text
        for name in ("sentences", "infill"):
            if self.length is not None and getattr(self.constraints, name) is not None:
                raise UserError(f"length and {name} both say where a text ends; leave one of them out")
        if self.constraints:
            self._require_plain()

    def _require_plain(self) -> None:
        """Raise UserError for parameters other than the temperature: constraints are on the distribution at one."""
        values = {name: getattr(self, name) for name in CHANGING}
        changed = [
            name.replace("_", "-") for name, value in values.items() if value not in (None, (), UNCHANGED.get(name))
        ]
        if changed:
            raise UserError(
                f"{' and '.join(changed)} cannot be combined with constraints, which are on the distribution at a "
                "temperature; leave out one or the other"
            )
        if self.temperature == 0:
            raise UserError(
                "constraints need a temperature above 0; temperature=0.1 is close to the most probable text"
            )
        if self.spelling:
            raise UserError("with constraints, texts have only words of the vocabulary; leave out --spelling")

    def with_defaults(self, defaults: Mapping[str, float]) -> Sampling:
        """Return the parameters with a generator's `default_sampling` for those that are None.

        With constraints, only the temperature is its: they are on the distribution at a temperature. Raises
        ContractError for parameters that a generator cannot have defaults of.

        >>> Sampling(top_p=0.9).with_defaults({"temperature": 0.7, "top_p": 0.5}).choices
        {'temperature': 0.7, 'top_p': 0.9}
        """
        if unknown := sorted(defaults.keys() - DEFAULTABLE.keys()):
            raise ContractError(f"default_sampling has {', '.join(unknown)}, but may have {', '.join(DEFAULTABLE)}")
        names = ("temperature",) if self.constraints else DEFAULTABLE
        values: dict[str, Any] = {name: defaults.get(name, DEFAULTABLE[name]) for name in names}
        return replace(self, **{name: value for name, value in values.items() if getattr(self, name) is None})

    @property
    def choices(self) -> dict[str, float]:
        """The parameters that say how a token is chosen, by name, without those that change nothing."""
        named = {name: getattr(self, name) for name in (*DEFAULTABLE, "repetition_penalty")}
        return {name: value for name, value in named.items() if value is not None and value != UNCHANGED.get(name)}

    @property
    def characters(self) -> int:
        """The length, or without one that after which the text goes on to the end of the sentence."""
        return DEFAULT_LENGTH if self.length is None else self.length

    @property
    def stop_strings(self) -> tuple[str, ...]:
        """The strings at which the text ends; empty if there are none."""
        return (self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ())

    @cached_property
    def only_temperature(self) -> bool:
        """Whether the temperature is the only parameter that changes the distribution."""
        return self.temperature != 0 and self.repetition_penalty == 1 and not self.truncates

    @cached_property
    def truncates(self) -> bool:
        """Whether only some of the tokens can be sampled."""
        return self.top_k is not None or self.top_p is not None or self.min_p is not None


def describe_choices(choices: Mapping[str, float]) -> str:
    """Return `Sampling.choices` in words.

    >>> describe_choices({"temperature": 0.9, "min_p": 0.02})
    'temperature 0.9, min-p 0.02'
    """
    return ", ".join(f"{name.replace('_', '-')} {value:g}" for name, value in choices.items())


def _is_text(text: str) -> bool:
    return bool(text) and not any(map(is_surrogate, text))


def _require(valid: bool, name: str, value: object, choices: str) -> None:
    if not valid:
        raise UserError(f"{name} is {value!r}, but must be {choices}")


def require_prompt(prompt: str) -> None:
    """Raise UserError for a prompt that is not a valid Unicode string; arguments of a command may contain such text."""
    require_text(prompt, "the prompt")


def resolve_prompt(prompt: str, text: str | Text, seed: int = 0) -> str:
    """Return the prompt, or for the word "random", 40 characters of `text` from the beginning of a sentence.

    `seed` determines the position after which the sentence begins.
    """
    if prompt != RANDOM_PROMPT:
        return prompt
    last_start = max(len(text) - RANDOM_PROMPT_CHARACTERS, 0)
    start = _next_start(str(text), int(np.random.default_rng(seed).integers(last_start + 1)), last_start)
    return text[start : start + RANDOM_PROMPT_CHARACTERS]


def _next_start(text: str, position: int, last: int) -> int:
    """Return where a sentence begins, from `position` on or else from the start of the text, at most at `last`.

    A text without sentences has lines; one without lines has words.

    >>> _next_start("so it was. But Mr. Dee was", 2, 20), _next_start("one two", 2, 4), _next_start("ACGT", 2, 2)
    (11, 4, 2)
    """
    for pattern in PROMPT_STARTS:
        for begin in (position, 0):
            match = pattern.search(text, begin)
            if match and match.end() <= last:
                return int(match.end())
    return position
