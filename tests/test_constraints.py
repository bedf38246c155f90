"""Constraints on texts: each automaton accepts exactly the texts that its description says."""

from __future__ import annotations

import itertools
import re
import time
from typing import Any

import numpy as np
import pytest

from genbench.errors import UserError
from genbench.sampling import Sampling
from genbench.sampling.constraints.automaton import DEAD, ENDED, Automaton, build_table, merge_states
from genbench.sampling.constraints.expressions import Expression
from genbench.sampling.constraints.lengths import Characters, Words
from genbench.sampling.constraints.options import Constraints, count_sentences, parse_range
from genbench.sampling.constraints.phrases import Beginning, Contains, EndsWith, StartsWith, Until
from genbench.sampling.constraints.sentences import Sentences, WordsToSentenceEnd
from genbench.sampling.constraints.tokens import lift
from genbench.tokenization.tokenizer import Decoder, Tokenizer


def accepts(automata: list[Automaton] | Automaton, text: str, following: str = " ") -> bool:
    """Return whether a text is accepted that is followed by some characters, and ends exactly there."""
    automata = automata if isinstance(automata, list) else [automata]
    table = build_table(automata, "".join(sorted({*text, *following})))
    if table is None:
        return False
    state = table.run(0, text)
    return state >= 0 and (bool(table.final[state]) or table.run(state, following[:1]) == ENDED)


def check_by_length(automaton: Automaton, definition: str, letters: str, longest: int) -> None:
    """Check for all texts of some letters whether they are accepted as texts of their length."""
    for size in range(longest + 1):
        table = build_table([automaton, Characters(size)], letters)
        for text in map("".join, itertools.product(letters, repeat=size)):
            state = -1 if table is None else table.run(0, text)
            accepted = table is not None and state >= 0 and bool(table.final[state])
            assert accepted == bool(re.fullmatch(definition, text)), text


@pytest.mark.parametrize(
    ("automaton", "definition"),
    [
        (Contains("ab"), r"(.*[^a-z])?[aA]b([^a-z].*)?"),
        (Contains("a b"), r"(.*[^a-z])?[aA] b([^a-z].*)?"),
        (StartsWith("ab"), r"ab([^a-z].*)?"),
        (EndsWith("ab"), r"(.*[^a-z])?[aA]b[.]*"),
        (Words(1, 2), r" *[^ ]+( +[^ ]+)? *"),
        (Beginning("ab"), r"ab.*"),
    ],
)
def test_automata_accept_what_an_expression_defines(automaton: Automaton, definition: str) -> None:
    check_by_length(automaton, definition, "ab. ", 6)


@pytest.mark.parametrize(
    ("automaton", "definition"),
    [
        (Contains("爱"), ".*爱.*"),
        (Contains("爱我"), ".*爱我.*"),
        (Contains("a爱"), "(.*[^a])?[aA]爱.*"),
        (EndsWith("爱"), ".*爱。*"),
        (StartsWith("爱"), "爱.*"),
    ],
)
def test_words_of_a_script_without_spaces_may_stand_beside_others(automaton: Automaton, definition: str) -> None:
    check_by_length(automaton, definition, "爱我。a", 4)


@pytest.mark.parametrize("phrase", ["don't", "don’t"])
def test_an_apostrophe_may_be_straight_or_curly(phrase: str) -> None:
    for text in ("I don't.", "I don’t.", "Don’t I"):
        assert accepts([Contains(phrase), Characters(len(text))], text)
    assert not accepts([Contains(phrase), Characters(9)], "I don’ts.")
    assert accepts([EndsWith(phrase), Characters(8)], "I don’t!")


@pytest.mark.parametrize(
    "pattern",
    [
        "a*b",
        "(a|bb)+",
        "[^a]*",
        "a{2,3}b?",
        "(?i)AB*",
        r"\w+\s\w",
        "a+?.{0,2}",
        "(?:ab|a)(?:b|)",
        "",
        "a{2}",
    ],
)
def test_expressions_accept_what_re_fullmatch_accepts(pattern: str) -> None:
    check_by_length(Expression(pattern), pattern, "abA ", 5)


def test_sets_that_python_warns_of_are_read_as_python_reads_them_today() -> None:
    check_by_length(Expression("[[a]+b"), r"[\[a]+b", "ab[", 4)
    check_by_length(Expression("[a&&b]+"), r"[a\&b]+", "ab&", 4)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a(?=b)", "look-ahead"),
        ("(?<!a)b", "look-behind"),
        (r"(a)\1", "back-references"),
        (r"\bword\b", "anchors"),
        ("^a$", "anchors"),
        ("a(", "not a regular expression"),
        ("a{20000}", "more than 10,000 times"),
        ("(a{1000}){1000}", "too large"),
        ("(?!)", "look-ahead"),
        ("a++", "possessive"),
        ("(" * 330 + "a" + ")+" * 330, "groups inside one another|not a regular expression"),
    ],
)
def test_expressions_that_are_not_regular_are_refused(pattern: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        Constraints(match=pattern)


@pytest.mark.parametrize(
    ("text", "following", "accepted"),
    [
        ("It was late.", " ", True),
        ("It was late", " ", False),
        ('"Was it late?"', "\n", True),
        ("Mr. Dee ran.", " ", True),
        ("J. Dee ran.", " ", True),
        ("It was I.", " ", True),
        ("It cost 3.5 pounds.", " ", True),
        ("It was late. He ran.", " ", False),
        ("It was late.", "x", False),
        (" It was late.", " ", False),
        ("It was\n\nlate.", " ", False),
        ("It was\nlate.", " ", True),
        ("他来了。", "他", True),
        ("他来了。”", "他", True),
        ("Wait...", " ", True),
        ("CHAPTER I", "\n", False),
    ],
)
def test_one_sentence(text: str, following: str, accepted: bool) -> None:
    assert accepts(Sentences(1), text, following) == accepted


def test_words_end_with_the_sentence_that_makes_them_enough() -> None:
    rule = WordsToSentenceEnd(3, 5)

    assert accepts(rule, "One two three.")
    assert accepts(rule, "One. Two three.")
    assert not accepts(rule, "One two.")
    assert not accepts(rule, "One two three. Four.")  # ended before
    assert not accepts(rule, "One two three four five six.")


def test_until_ends_at_the_first_place_after_the_prompt() -> None:
    assert accepts(Until("ab"), "xxab", "x")
    assert not accepts(Until("ab"), "xabxab", "x")
    assert accepts(Until("ab", after=3), "xabxab", "x")
    assert accepts(Until("aab"), "aaab", "x")


def test_equal_states_are_merged_and_dead_ends_left_out() -> None:
    # texts of exactly two letters: before, after one, after two
    table = build_table([Characters(2)], "abc")
    assert table is not None
    assert table.steps.tolist() == [[1], [2], [-1]]
    assert table.final.tolist() == [False, False, True]

    # an impossible combination has no start
    empty = build_table([Characters(2), StartsWith("abc")], "abc")
    assert empty is not None
    assert (empty.steps[0] == -1).all()


def test_a_prefix_is_read_first() -> None:
    assert build_table([StartsWith("ab"), Characters(3)], "abc", "c") is None
    assert build_table([Characters(1)], "abc", "ab") is None
    table = build_table([StartsWith("ab"), Characters(3)], "ab.", "a")
    assert table is not None
    assert table.run(0, "b.") >= 0 > table.run(0, "a.")


def test_tokens_of_words_follow_the_text_with_implied_spaces() -> None:
    # every canonical sequence of known words is accepted if and only if its text is
    tokenizer = Tokenizer.words("so it is, so it is. so, is it. is it so, " * 3 + "\n\n")
    table = build_table([Contains("so"), Words(2, 3), Sentences(1)], tokenizer.letters)
    assert table is not None
    decoder = Decoder(tokenizer)
    for token in tokenizer.encode("\n\n").tolist():
        decoder.feed(token)
    automaton = lift(table, tokenizer, decoder)
    known = range(tokenizer.none_id + 1, tokenizer.size)

    accepted = 0
    for size in range(1, 6):
        for ids in itertools.product(known, repeat=size):
            ahead = decoder.copy()
            text = "".join(ahead.feed(token) for token in ids)
            if tokenizer.encode("\n\n" + text).tolist()[-size:] != list(ids):
                continue
            state, last = 0, 0
            for last in ids:
                if state < 0:
                    break
                state = int(automaton.steps[state, automaton.groups[last]])
            else:
                body = text.rstrip("\n")
                before = text[: len(text) - len(tokenizer.piece(last)) - 1].rstrip() if body == text else body
                right = accepts([Contains("so"), Words(2, 3), Sentences(1)], before, text[len(before) :][:1] or "x")
                assert (state == ENDED) == right, text
                accepted += right
    assert accepted > 10


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(UserError, match=r"words is 5-3"):
        Constraints(words=(5, 3))
    with pytest.raises(UserError, match=r"sentences is 0"):
        Constraints(sentences=0)
    with pytest.raises(UserError, match=r"contains is ' '"):
        Constraints(contains=(" ",))
    with pytest.raises(UserError, match="leave out the white space"):
        Constraints(ends_with="love ")
    with pytest.raises(UserError, match="leave one of them out"):
        Sampling(length=10, constraints=Constraints(sentences=2))
    with pytest.raises(UserError, match="such as 10, or a range"):
        parse_range("ten")
    with pytest.raises(UserError, match="such as 10, or a range"):
        parse_range("1" * 5000)
    assert parse_range("8-12") == (8, 12)
    assert parse_range("9") == (9, 9)


def test_sentences_of_a_prompt_are_counted() -> None:
    assert count_sentences("Late. He came!\n\nThen") == 2
    assert not Constraints()
    assert Constraints(contains=("a",))
    assert np.all([count_sentences(text) == 0 for text in ("", "Mr. Dee", "Late.")])


def test_states_of_long_counts_are_merged_in_few_steps() -> None:
    """With 80 to 90 words, states that differ in the number of words are all different; others are merged."""
    table = build_table([WordsToSentenceEnd(80, 90)], "ab. ")
    small = build_table([WordsToSentenceEnd(8, 18)], "ab. ")
    assert table is not None
    assert small is not None
    assert len(table.steps) - len(small.steps) == 72 * (len(small.steps) - _states_of(7, 17))


def test_equal_states_are_those_of_the_plain_refinement() -> None:
    """Classes are split by what their states lead to until none is: here by sets, without checksums and shortcuts."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        steps = rng.integers(-2, 40, (40, 2)) * (rng.random((40, 2)) < 0.4) - 1
        steps, labels = np.clip(steps, -2, 39), rng.integers(0, 2, 40)
        classes: list[Any] = labels.tolist()
        while True:
            keys = [(classes[row], *(classes[to] if to >= 0 else to for to in steps[row])) for row in range(40)]
            numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
            if len(numbers) == len(set(classes)):
                break
            classes = [f"class {numbers[key]}" for key in keys]

        examples, class_of = merge_states(steps, labels)
        pairs = set(zip(classes, class_of.tolist(), strict=True))
        assert len(pairs) == len(set(classes)) == len(examples)
        assert class_of[examples].tolist() == list(range(len(examples)))
        assert class_of[0] == 0


def test_a_long_repetition_takes_a_moment() -> None:
    """States of an expression and of sentences are multiplied in arrays: 6,000 of them take a quarter of a second."""
    letters = "".join(map(chr, range(32, 127))) + "\n"
    start = time.process_time()
    table = build_table([Expression("(a|b|.){100,200}"), Sentences(1, optional=True)], letters)
    assert time.process_time() - start < 5
    assert table is not None
    assert len(set(table.kinds.values())) < 60  # letters that nothing tells apart share a column
    for size, accepted in ((99, False), (100, True), (200, True)):
        state = table.run(0, "a" * (size - 1) + ".")
        assert (state >= 0 and (bool(table.final[state]) or table.run(state, " ") == ENDED)) == accepted
    assert table.run(0, "a" * 201) == DEAD


def test_an_expression_with_too_many_states_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genbench.sampling.constraints.expressions.MAX_VISITS", 100_000)
    with pytest.raises(UserError, match="too many states; repeat its parts less often"):
        build_table([Expression(".*a.{12}")], "ab")


def test_characters_that_no_text_has_are_named() -> None:
    assert Contains("an 🍎").missing("an ") == ["🍎"]
    assert Contains("don't").missing("DON’t") == ["o", "n"]  # only the first letter may be a capital one
    assert Contains("an").missing("An") == []


def _states_of(fewest: int, most: int) -> int:
    table = build_table([WordsToSentenceEnd(fewest, most)], "ab. ")
    assert table is not None
    return len(table.steps)
