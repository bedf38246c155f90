"""Names of models and runs, which are those of their folders: letters of all scripts, digits, dots, hyphens and _."""

from __future__ import annotations

import regex

MAX_NAME = 60  # characters of the name of a run
_VALID = regex.compile(r"\w[\w\p{M}.-]*")  # combining marks are a part of letters, in many scripts of every word
_OTHERS = regex.compile(r"[^\w\p{M}-]+")


def is_valid_name(name: str) -> bool:
    r"""Return whether a run may have this name: it begins with a letter, a digit or _, and fits into a path.

    >>> is_valid_name("mine-2.1"), is_valid_name("e\u0301te"), is_valid_name("-mine"), is_valid_name("a/b")
    (True, True, False, False)
    """
    return len(name) <= MAX_NAME and _VALID.fullmatch(name) is not None


def plain_name(text: str, max_bytes: int) -> str:
    r"""Return a text as a part of a name: other characters become _, and it is cut at `max_bytes` of UTF-8.

    >>> plain_name("-my novel", 60), plain_name("\u0938\u0941\u0916", 6) == "\u0938\u0941"
    ('_my_novel', True)
    """
    plain: str = regex.sub(r"^-", "_", _OTHERS.sub("_", text))
    return plain.encode()[:max_bytes].decode(errors="ignore")
