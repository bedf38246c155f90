"""Corpora: from an author's name or a path to cleaned training, validation and test text.

catalogue.py    authors known by name, with their books and where to find these
sources.py      the bytes of a book: embedded, from NLTK's corpus, from Project Gutenberg, or from a path
gutenberg.py    Project Gutenberg books by number, downloaded once and cached
downloads.py    HTTP downloads that are complete or fail, with retries and timeouts
cleaning.py     decoding, and removal of licence texts, title lines and white space at line ends
line_wraps.py   joining of hard line wraps, and telling verse from prose
split.py        training, validation and test parts of books
corpus.py       Corpus: the three parts of an author's text, and texts cut down from it
loading.py      load_corpus, load_corpora and the default authors
"""
