"""Where text comes from: the catalogue, the sources, cleaning and the split.

catalogue.py  the authors known by name        cleaning.py  bytes to text: encoding, licence, title
sources.py    embedded, NLTK, or a path        wrapping.py  hard line wraps, telling verse from prose
download.py   NLTK's downloader, with a limit  split.py     train, valid, test
gutenberg.py  Project Gutenberg by number      fetching.py  one file over HTTP, whole or not at all
corpus.py     load(author): all of it in one   waiting.py   what is slow, given up when it is silent

`catalogue.catalogue()` and `split.split()` are imported from their files: a name that stood here too would
hide the file.
"""

from genbench.corpus.catalogue import Author, Book, embedded_authors, find_author
from genbench.corpus.cleaning import clean, decode
from genbench.corpus.corpus import Corpus, default_authors, is_path, load
from genbench.corpus.sources import corpus_available
from genbench.corpus.wrapping import join_lines, looks_like_verse

__all__ = [
    "Author",
    "Book",
    "Corpus",
    "clean",
    "corpus_available",
    "decode",
    "default_authors",
    "embedded_authors",
    "find_author",
    "is_path",
    "join_lines",
    "load",
    "looks_like_verse",
]
