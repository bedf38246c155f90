"""Lossless tokenizers, and the rules by which a text is split into words.

segmentation    pieces of a text (words, marks, separators) and the separators that are implied
text            Text: a corpus part as generators receive it
tokenizer       Tokenizer, over characters or words; Decoder, ids to text one at a time
"""

from genbench.tokenization.text import Text as Text
from genbench.tokenization.tokenizer import BYTES as BYTES
from genbench.tokenization.tokenizer import Decoder as Decoder
from genbench.tokenization.tokenizer import Ids as Ids
from genbench.tokenization.tokenizer import Tokenizer as Tokenizer
