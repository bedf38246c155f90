"""Lossless tokenizers over characters or words.

segmentation    split a text into pieces (words, marks, separators); separators that are implied need no token
text            Text: the training, validation or test text that a generator receives
tokenizer       Tokenizer: text to ids and back; Decoder: ids to text, one id at a time
graphemes       letters with their combining marks (grapheme clusters), between which texts may be cut
normal_form     notices that a text and a model are in different Unicode normal forms (NFC, NFD)
"""

from genbench.tokenization.text import Text as Text
from genbench.tokenization.tokenizer import BYTES as BYTES
from genbench.tokenization.tokenizer import Decoder as Decoder
from genbench.tokenization.tokenizer import Ids as Ids
from genbench.tokenization.tokenizer import Tokenizer as Tokenizer
