"""Where a generated text begins and ends: without blank lines before it, at a length, a stop string or a sentence."""

from __future__ import annotations

from collections.abc import Sequence

from genbench.sampling.constraints.sentences import Place, Sentences
from genbench.tokenization.graphemes import LONGEST, joins

MAX_BLANK = 200  # blank characters that are left out before a text
MOST_LENGTHS = 4  # after which a text ends with a word where no sentence ends, and one more length later anywhere
SENTENCE_CHARACTERS = 100  # about one sentence


class TextLimit:
    """Ends a text at its length or at a stop string; the possible start of a stop string is held back.

    A stop string counts only where a text that is not blank stands before it: in the text, or in the prompt that it
    `continues`. With `whole_letters`, characters that complete the last letter are added to its length: whether there
    are any shows in the character after them, so it is read too. A text that `begins` has no blank lines before it.
    With `whole_sentences`, it goes on to the end of a sentence or paragraph, but at most to five times its length.
    """

    def __init__(
        self,
        length: int,
        stops: Sequence[str] = (),
        keep_stop: bool = False,
        *,
        whole_letters: bool = False,
        continues: bool = True,
        begins: bool = False,
        whole_sentences: bool = False,
    ) -> None:
        self.characters_left, self.stops, self.keep_stop = length, tuple(stops), keep_stop
        self.held_back, self.done, self._can_stop = "", length == 0, continues
        self._tail, self._extra = "", LONGEST if whole_letters else 0  # the last characters; how many may be added
        self._blank, self._begins = "", begins
        self._sentence = SentenceLimit(length) if whole_sentences and length else None
        self.characters_left += SENTENCE_CHARACTERS if self._sentence else 0

    @property
    def most(self) -> int:
        """The number of characters that are read at most before the text is done."""
        if self._sentence:
            return self._sentence.most
        return self.characters_left + LONGEST + max(map(len, self.stops), default=0)

    def read(self, text: str) -> str:
        """Return the part of the text that is final now and was not returned before.

        >>> limit = TextLimit(10, ["STOP"])
        >>> [limit.read(text) for text in ("ab", "cS", "TOP", "d")]
        ['ab', 'c', '', '']
        """
        if self.done:
            return ""

        # blank lines before the text, the stop strings, then the sentence or the length
        if self._begins:
            text = self._without_blank_lines(text)
        if self.stops:
            text = self._until_stop(self.held_back + text)
        if self._sentence:
            return self._until_sentence(text)
        end = min(self.characters_left, len(text))
        self.characters_left -= end
        if not self.characters_left:
            while self._extra and end < len(text) and joins(self._tail + text[:end], text[end]):
                end, self._extra = end + 1, self._extra - 1
            self.done = self.done or end < len(text) or not self._extra
        self._tail = (self._tail + text[:end])[-LONGEST:]
        return text[:end]

    def _until_stop(self, text: str) -> str:
        """Return the text up to a stop string, without an end that may be the start of one."""
        # the stop string that is complete first, whatever the pieces in which the text arrives; of several, the longest
        first = 0 if self._can_stop else len(text) - len(text.lstrip()) + 1
        starts = {stop: text.find(stop, first) for stop in self.stops}
        spans = [(start + len(stop), start) for stop, start in starts.items() if start >= 0]
        if spans:
            self.done, (end, start) = True, min(spans)
            return text[: end if self.keep_stop else start]

        # hold back the longest end of the text that starts a stop string
        self._can_stop = self._can_stop or first <= len(text)
        lengths = range(min(max(map(len, self.stops)) - 1, len(text) - first), 0, -1)
        held = next((n for n in lengths if any(stop.startswith(text[-n:]) for stop in self.stops)), 0)
        self.held_back = text[len(text) - held :]
        return text[: len(text) - held]

    def _without_blank_lines(self, text: str) -> str:
        """Return a text without the blank lines with which it begins; "" while nothing else came."""
        text, self._blank = self._blank + text, ""
        if text.isspace() and len(text) < MAX_BLANK:
            self._blank, text = text, ""
        elif text:
            self._begins, line = False, len(text) - len(text.lstrip())
            text = text[text.rfind("\n", 0, line) + 1 :]
        return text

    def _until_sentence(self, text: str) -> str:
        assert self._sentence is not None
        final = self._sentence.read(text)
        self.done = self.done or self._sentence.done
        self.characters_left = 0 if self.done else max(SENTENCE_CHARACTERS // 2, self.characters_left - len(text))
        return final


class SentenceLimit:
    """Ends a text with the first sentence or paragraph that makes it long enough; white space is held back."""

    def __init__(self, length: int) -> None:
        self.done = False
        self.most = (MOST_LENGTHS + 1) * length
        self._length, self._characters, self._blank = length, 0, ""
        self._sentences = Sentences(1)
        self._place: Place = self._sentences.start()

    def read(self, text: str) -> str:
        """Return the part of the text that is final now.

        >>> limit = SentenceLimit(8)
        >>> [limit.read(text) for text in ("It is. M", "r. Dee", ' came."', " Then", " no")]
        ['It is. M', 'r. Dee', ' came."', '', '']
        """
        final = []
        for character in text:
            if self.done or self._ends_before(character):
                self.done = True
                break
            after = self._sentences.step(self._place, character)
            self._place = self._sentences.start() if after is None else after
            self._characters += 1

            # white space is part of the text once something follows it
            if character.isspace():
                self._blank += character
            else:
                final.append(self._blank + character)
                self._blank = ""
        return "".join(final)

    def _ends_before(self, character: str) -> bool:
        if self._characters < self._length:
            return False
        if self._sentences.ends_sentence(self._place, character):
            return True
        paragraph = "\n" in self._blank and character == "\n"
        tired = self._characters >= MOST_LENGTHS * self._length and character.isspace()
        return paragraph or tired or self._characters >= self.most
