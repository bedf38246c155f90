"""Cleaning and line wraps: short texts with expected results, real books, and properties of any text."""

import random
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.corpus.catalogue import find_author
from genbench.corpus.cleaning import Cleaned, clean, clean_book, normalize_newlines, strip_licence, strip_title
from genbench.corpus.encoding import decode
from genbench.corpus.line_wraps import has_hard_wraps, join_lines, looks_like_verse
from genbench.corpus.sources import read_book
from genbench.errors import CorpusError

START = "*** START OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n"
END = "*** END OF THE PROJECT GUTENBERG EBOOK A BOOK ***\n"
BOOK = "".join(f"This is line {number} of a book that somebody wrote.\n" for number in range(200))

PROSE = """\
It was a dark night, and the lamp had been
lit for an hour before the keeper came up
the stairs.

"Who is there?" he said, and no one at all
answered him, though the wind--which never--
slept--went round the tower.

    Full fathom five
      thy father lies.

He slept. In the morning there was a letter
on the mat, and it said nothing more than a
name.

Yours ever,
A. W.
"""
JOINED = """\
It was a dark night, and the lamp had been lit for an hour before the keeper came up the stairs.

"Who is there?" he said, and no one at all answered him, though the wind--which never--slept--went round the tower.

    Full fathom five
      thy father lies.

He slept. In the morning there was a letter on the mat, and it said nothing more than a name.

Yours ever,
A. W.
"""

any_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
line_text = st.text(alphabet="ab -\t\n\r—.", max_size=400)


def load_book(author: str, number: int = 0, lines: str = "join") -> str:
    book = find_author(author).books[number]
    return clean(decode(read_book(book), book.encoding), book.form, lines)


# licence and title


def test_everything_outside_the_two_markers_is_removed():
    wrapped = "header\n" * 900 + START + "A short tale.\n" + END + "licence\n" * 900
    assert strip_licence(wrapped) == "A short tale.\n"


def test_a_marker_may_span_two_lines():
    start = "*** START OF THIS PROJECT GUTENBERG EBOOK A VERY\nLONG TITLE ***\n"
    assert strip_licence(f"header\n{start}Tale.\n{END}") == "Tale.\n"


@pytest.mark.parametrize(
    ("header", "tail"),
    [
        (START, ""),
        ("", "End of Project Gutenberg's A Book, by Somebody\n\n" + END + "licence\n"),
        ("", "End of the Project Gutenberg EBook of A Book\n"),
        ("small print\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN ETEXTS*Ver.04.29.93*END*\n", ""),
        ("small print\n*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n", ""),
        (
            "title\n" + START,
            "End of Project Gutenberg's A Book\n" + END + "***START**THE SMALL PRINT!**START***\nlawyers\n"
            "*END THE SMALL PRINT! FOR PUBLIC DOMAIN EBOOKS*Ver.02/11/02*END*\n",
        ),
    ],
)
def test_old_and_new_headers_and_footers_are_removed(header, tail):
    assert strip_licence(header + BOOK + tail) == BOOK


def test_a_whole_end_mark_alone_is_believed():
    licence = "".join(f"Clause {number} of a licence that is no part of the book.\n" for number in range(400))
    assert strip_licence(BOOK[:2000] + "\n" + END + licence) == BOOK[:2000] + "\n"


def test_removed_lines_of_the_licence_are_counted_and_an_end_mark_alone_is_told():
    end_mark_alone = clean_book(BOOK[:2000] + "\n" + END + "Clause 1.\n\nClause 2.\n", "verse")
    assert (end_mark_alone.licence, end_mark_alone.end_mark_only) == (3, True)
    both = clean_book("header\n" + START + BOOK + END + "Clause 1.\n", "verse")
    assert (both.licence, both.end_mark_only) == (4, False)
    assert clean_book(BOOK)[2:4] == (0, False)


@pytest.mark.parametrize(
    "mark", [START, END[:40] + "\n", "End of Project Gutenberg's Emma\n", "*END*THE SMALL PRINT!\n"]
)
@pytest.mark.parametrize("share", [0.3, 0.5, 0.7])
def test_a_single_marker_removes_at_most_a_fifth(mark, share):
    middle = int(share * len(BOOK)) // 10 * 10
    book = BOOK[:middle] + "\n" + mark + BOOK[middle:]
    assert strip_licence(book) == book


@pytest.mark.parametrize(
    "line", ["[Emma by Jane Austen 1816]", "[The Parent's Assistant, by Maria E.] ", "[The King James Bible]"]
)
def test_the_title_line_of_nltk_is_removed(line):
    assert strip_title(line + "\n\nVOLUME I\n") == "\nVOLUME I\n"


@pytest.mark.parametrize("line", ["[Illustration]", "Emma by Jane Austen", "[Exit] by the door"])
def test_other_first_lines_are_kept(line):
    assert strip_title(line + "\n\nVOLUME I\n") == line + "\n\nVOLUME I\n"


# lines


def test_forced_breaks_are_joined_and_other_breaks_kept():
    assert join_lines(PROSE) == JOINED


def test_join_lines_is_idempotent():
    assert join_lines(JOINED) == JOINED


def test_stanzas_without_indent_keep_their_lines():
    stanza = "The lamp is lit,\nthe sea is wide, and\nnobody comes,\nnot with the tide.\n"
    assert join_lines(stanza + "\n" + PROSE) == stanza + "\n" + JOINED


def test_unwrapped_paragraphs_are_kept():
    paragraphs = [f"{number} " + "has words " * (number * 7 % 40) + "and ends." for number in range(60)]
    for between in ("\n", "\n\n"):
        text = between.join(paragraphs) + "\n"
        assert join_lines(text) == text


@given(line_text)
def test_joining_changes_only_white_space(text):
    assert "".join(join_lines(text).split()) == "".join(text.split())


@given(line_text, st.sampled_from(["prose", "verse", None]), st.sampled_from(["join", "keep"]))
def test_cleaning_changes_only_white_space(text, form, lines):
    cleaned = clean(text, form, lines)
    assert "".join(cleaned.split()) == "".join(text.split())
    assert "\r" not in cleaned
    assert cleaned == "" or all(cleaned.splitlines()[end].strip() for end in (0, -1))
    assert cleaned == "" or cleaned.endswith("\n")


def test_keep_changes_only_newlines_and_licence():
    text = "[Emma by Jane Austen 1816]\n\n" + PROSE.replace(",\n", ",  \n")
    assert clean("\r\n" + text.replace("\n", "\r\n") + "\r\n\r\n", "prose", "keep") == text


def test_join_removes_title_line_ends_and_wraps():
    assert clean("\r\n[Emma by Jane Austen 1816]\r\n\r\n" + PROSE.replace("\n", "  \r\n"), "prose") == JOINED


def test_blank_lines_double_spaces_and_first_indent_are_kept():
    assert clean("\n\n   One.  Two.\n\n\n\nThree.\n\n") == "   One.  Two.\n\n\n\nThree.\n"


def test_verse_loses_only_white_space_at_line_ends():
    assert clean("Of Man's first disobedience, \n \n  and the fruit\n", "verse") == (
        "Of Man's first disobedience,\n\n  and the fruit\n"
    )


def test_unknown_value_of_lines_is_refused():
    with pytest.raises(CorpusError, match=r"choose join .* or keep"):
        clean("text", None, "jion")


def test_lone_cr_becomes_a_newline():
    assert normalize_newlines("a\rb\r\nc\n") == "a\nb\nc\n"


def test_verse_is_detected_by_line_lengths():
    stanza = "The moon was up,\nand under it\nthe water lay as if it had been told to.\nHush.\n\n"
    assert looks_like_verse(stanza * 5)
    assert not looks_like_verse(PROSE.split("Yours")[0])
    assert not looks_like_verse("")
    assert not looks_like_verse(JOINED)


# what no margin has wrapped

WORDS = [
    "miller",
    "lantern",
    "bridge",
    "snow",
    "kettle",
    "stranger",
    "map",
    "wheel",
    "supper",
    "apples",
    "captain",
    "letter",
    "rain",
    "door",
    "sister",
]
rng = random.Random(1)
SENTENCES = " ".join(f"The {' '.join(rng.choices(WORDS, k=rng.randint(4, 9)))}." for _ in range(120))
HINDI = " ".join(
    rng.choices(["मेरी", "बहन", "ने", "पुराना", "नक्शा", "पुल", "पर", "पढ़ी", "और", "किताबें", "हिन्दुस्तानी"], k=900)
)
NOT_WRAPPED = {
    "names": [word + "el" * (number % 3) for number, word in enumerate(WORDS * 20)],
    "full names": [f"{first.title()} {last.title()}son" for first in WORDS for last in WORDS],
    "log": [f"2024-03-{day:02d} 10:{day:02d} node{day % 9} sent valve {day + 10}" for day in range(10, 31)] * 8,
    "log in lower case": [f"node{day % 9} at 10:{day:02d} sent index {day + 10} of table" for day in range(10, 31)] * 8,
    "verse": [f"And {' '.join(rng.choices(WORDS, k=6))}," for _ in range(120)],
    "one sentence a line": [sentence + "." for sentence in SENTENCES.split(". ")],
    "JSON": [f'{{"id": {number}, "text": "the snow on the bridge"}}' for number in range(100, 180)],
    "Chinese": ["我的姐姐在桥上看见了那封信，陌生人在桥上忘了绿色的门", "老船长在雨中修好了地图，老师中午看见了地图"]
    * 30,
}


@pytest.mark.parametrize("name", NOT_WRAPPED)
def test_lines_that_are_not_wrapped_prose_are_kept(name):
    text = "\n".join(NOT_WRAPPED[name]) + "\n"
    assert clean_book(text) == Cleaned(text, joined=0)


@pytest.mark.parametrize("width", [36, 50, 72])
@pytest.mark.parametrize("prose", [SENTENCES, SENTENCES.lower(), HINDI], ids=["sentences", "lower case", "Hindi"])
def test_wrapped_prose_is_joined_and_its_breaks_are_counted(prose, width):
    wrapped = textwrap.fill(prose, width)
    assert has_hard_wraps(wrapped)
    assert clean_book(wrapped + "\n") == Cleaned(prose + "\n", wrapped.count("\n"))
    assert clean_book(wrapped + "\n", lines="keep") == Cleaned(wrapped + "\n", 0)


# the load_book books


@pytest.mark.parametrize(
    "author", ["austen", "carroll", "chesterton", "melville", "milton", "shakespeare", "whitman", "blake"]
)
def test_real_verse_and_prose_are_detected(gutenberg, author):
    for number, book in enumerate(find_author(author).books):
        data = read_book(book)
        text = clean(decode(data, book.encoding), "verse", "join")
        assert looks_like_verse(text) == (book.form == "verse"), (book.title, number)
        assert has_hard_wraps(text) == (book.form == "prose"), (book.title, number)


def test_real_ball_and_cross_ends_with_its_last_sentence(gutenberg):
    text = load_book("chesterton")
    assert text.endswith("his sword and Turnbull's, fallen haphazard in the pattern of a cross.\n")
    assert "Brunetière" in text
    assert "Gutenberg" not in text


def test_real_emma_is_joined_and_its_charade_is_not(gutenberg):
    text = load_book("austen")
    assert text.startswith("VOLUME I\n\nCHAPTER I\n\n\nEmma Woodhouse, handsome, clever, and rich, with")
    assert "a comfortable home and happy disposition, seemed to unite some of the best blessings of" in text
    assert "    My first displays the wealth and pomp of kings,\n      Lords of the earth!" in text
    assert text.endswith("\n\nFINIS\n")


def test_real_alice_keeps_the_tail_of_the_mouse(gutenberg):
    text = load_book("carroll")
    assert "         'Fury said to a\n         mouse, That he\n        met in the\n       house,\n" in text
    assert "tired of sitting by her sister on the bank, and of having nothing to do" in text


def test_real_dedication_of_thursday_keeps_its_lines(gutenberg):
    assert "wailing went the weather,\nYea, a sick cloud upon the soul" in load_book("chesterton", 2)


def test_real_moby_dick_has_no_cr_and_keeps_its_etymologies(gutenberg):
    text = load_book("melville")
    assert "\r" not in text
    assert "KETOS,               GREEK.\nCETUS,               LATIN.\n" in text
    assert "I see him now.  He was ever dusting his old lexicons" in text


def test_real_raw_text_keeps_title_and_lines(gutenberg):
    assert load_book("austen", 0, "keep").startswith("[Emma by Jane Austen 1816]\n\nVOLUME I\n")
    assert "with a comfortable home\nand happy disposition" in load_book("austen", 0, "keep")


def test_real_milton_and_hamlet_keep_their_lines(gutenberg):
    assert load_book("milton").startswith("Book I\n\n\nOf Man's first disobedience, and the fruit\nOf that")
    assert "Long liue the King\n" in load_book("shakespeare", 1)
    assert "Cæsar, my Lord\n" in load_book("shakespeare", 0)
