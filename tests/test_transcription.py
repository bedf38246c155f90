"""What Project Gutenberg's transcribers added to books: removed by rule, counted, and only there."""

import pytest

from genbench.corpus import long_text
from genbench.corpus.cleaning import clean_book
from genbench.corpus.long_text import clean_long_text
from genbench.corpus.reading import Reading, ReadingNotes, read_user_text
from genbench.corpus.transcription import Removed, strip_transcription
from genbench.tokenization.text import Text

START, END = "*** START OF THE PROJECT GUTENBERG EBOOK X ***", "*** END OF THE PROJECT GUTENBERG EBOOK X ***"
BODY = """\
Produced by A. Reader and the
Online Distributed Proofreading Team

[Illustration: THE COVER,
in two lines]

[Transcriber's Note: spelling is kept.]

CHAPTER I

It was produced by nobody, [Pg 12]and an [Illustration] of it
hung on the wall.

[Illustration]

[Pg xiii]

The [sic] end.
"""
CLEAN = """\
CHAPTER I

It was produced by nobody, and an  of it
hung on the wall.

The [sic] end.
"""
WHOLE = f"{START}\n\n\n{BODY}\n\n{END}\nsmall print\n"


def test_additions_are_removed_and_counted() -> None:
    assert strip_transcription(BODY) == (CLEAN, Removed(credits=3, illustrations=3, pages=2))


@pytest.mark.parametrize("paragraph", [
    "E-text prepared by A. B.", "This eBook was produced by A. B.", "Transcribed from the 1897 edition by A. B.",
    "Transcriber's Notes: none", "PRODUCED BY A. B.",
])  # fmt: skip
def test_credits_are_paragraphs_at_the_beginning(paragraph: str) -> None:
    assert strip_transcription(f"{paragraph}\n\nIt was late.\n") == ("It was late.\n", Removed(credits=1))
    late = "It was late.\n\n" * 12 + paragraph + "\n"
    assert strip_transcription(late) == (late, Removed())
    assert strip_transcription(f"{paragraph}\n", is_start=False) == (f"{paragraph}\n", Removed())


@pytest.mark.parametrize("text", [
    "The produce of the land.\n", "[Illustrations are missing]\n", "[12]\n", "[Page]\n", "[Illustration: a\n\nb]\n",
])  # fmt: skip
def test_everything_else_stays(text: str) -> None:
    assert strip_transcription(text) == (text, Removed())


def test_only_books_with_both_markers_are_changed() -> None:
    assert clean_book(WHOLE, "verse").text == CLEAN
    assert clean_book(WHOLE, "verse").removed == Removed(3, 3, 2)
    assert clean_book(BODY, "verse") == (BODY, 0, 0, False, Removed())
    assert clean_book(WHOLE, "verse", "keep").removed == Removed()


def test_long_texts_are_cleaned_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_text, "JUDGED", 1 << 20)
    text = WHOLE.replace("The [sic] end.", "The [sic] end.\n\n[Illustration: x]\n\n" * 50)
    whole, long = clean_book(text, "verse"), clean_long_text(Text(text), "verse")
    assert (str(long.text), long.removed, long.licence) == (whole.text, whole.removed, whole.licence)


def test_the_notes_count_what_is_removed() -> None:
    notes = ReadingNotes()
    read_user_text(WHOLE.encode(), "x", Reading(), notes)
    notes.removed = notes.removed.plus(Removed(pages=1))
    assert notes.sentences()[1:] == [
        "lines of Project Gutenberg's licence that are left out: 3",
        "transcribers' additions that are left out: 3 lines of credits, 3 marks of illustrations, 3 page numbers",
    ]
