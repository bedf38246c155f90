"""Lossless tokenizers over characters, words or subwords.

segmentation    split a text into pieces (words, marks, separators); separators that are implied need no token
text            Text: the training, validation or test text that a generator receives
text_file       a text in a file, of which only what is asked for is read
tokenizer       Tokenizer: text to ids and back; Decoder: ids to text, one id at a time
subwords        SubwordTokenizer: the same over frequent parts of words
byte_pairs      byte-pair encoding: learn merges, apply them, tell canonical sequences from others
graphemes       letters with their combining marks (grapheme clusters), between which texts may be cut
normal_form     notices that a text and a model are in different Unicode normal forms (NFC, NFD)
"""

from genbench.tokenization.subwords import SubwordTokenizer as SubwordTokenizer
from genbench.tokenization.text import Text as Text
from genbench.tokenization.tokenizer import BYTES as BYTES
from genbench.tokenization.tokenizer import Decoder as Decoder
from genbench.tokenization.tokenizer import Ids as Ids
from genbench.tokenization.tokenizer import Tokenizer as Tokenizer
