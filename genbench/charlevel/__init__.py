"""Character-level predictions of word and subword models.

adapter        CharacterView: the adapter; its docstring explains the algorithm with an example
paths          paths: the ways to split a text into tokens, and the rules of the canonical encoding
views          character_view: the view of a word model, the generator's own or CharacterView
ranking        the bits by the character of a word model, which rank where they are exact
block          the predictions for all characters of several pieces at once, for speed
subword_view   SubwordView: the same for subword models, whose encodings have simpler rules
"""

from genbench.charlevel.adapter import CharacterScores as CharacterScores
from genbench.charlevel.adapter import CharacterView as CharacterView
from genbench.charlevel.subword_view import SubwordView as SubwordView
from genbench.charlevel.views import character_view as character_view
