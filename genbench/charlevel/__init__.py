"""Word models read one character at a time.

adapter    CharacterView: the adapter, and the algorithm explained with an example
paths      the paths of one text: ways to split it into tokens, and the rules of the canonical encoding
block      all characters of some known pieces at once, for speed
"""

from genbench.charlevel.adapter import CharacterScores as CharacterScores
from genbench.charlevel.adapter import CharacterView as CharacterView
