"""max_overlap: text that copies too much is taken back before anybody sees it, and drawn anew."""

from __future__ import annotations

from dataclasses import dataclass

from genbench.errors import UserError
from genbench.sampling.overlap import Watch, nothing_new
from genbench.sampling.step import Drawing

TRIES = 2_000  # to go on without copying too much
PATIENCE = 10  # tries before one word more is taken back


@dataclass
class Held:
    """A place where a word had ended, and the text drawn from there that may still be taken back."""

    drawing: Drawing
    watch: Watch
    text: str = ""


class Novel:
    """A text that copies no more than its limit: each word is held back until as many came after it as may be copied.

    Raises UserError where nothing within the limit can be drawn, or the generator does not know its training text.
    """

    def __init__(self, drawing: Drawing) -> None:
        sampling, words = drawing.sampling, drawing.training_words
        if words is None:
            raise UserError(
                "this generator does not know its training text; genbench.train(author, SPEC) trains one that does"
            )
        self.drawing = drawing
        self._watch = Watch(words, max(1, words.limit(sampling.max_overlap or 1, sampling.length)))
        self._held = [Held(drawing.copy(), self._watch.copy())]
        self._tries, self._most = 0, TRIES if sampling.temperature else 1  # greedy drawing finds the same again

    def read(self, fresh: str) -> str:
        """Take what was drawn; gives a word and its space once it cannot be taken back any more."""
        if not fresh:
            return ""
        ended, copied = self._watch.read(fresh)
        self._held[-1].text += fresh
        if copied:
            self._back()
        elif ended:
            self._held.append(Held(self.drawing.copy(), self._watch.copy()))
            if len(self._held) > self._watch.limit + 2:
                self._tries = 0
                return self._held.pop(0).text
        return ""

    def _back(self) -> None:
        """To where the last word began, or further the more tries were in vain."""
        self._tries += 1
        if self._tries >= self._most:
            raise nothing_new(self._watch.limit, self._watch.last[:-1])
        del self._held[max(1, len(self._held) - self._tries // PATIENCE) :]
        last = self._held[-1]
        self.drawing, self._watch, last.text = last.drawing.copy(), last.watch.copy(), ""
