"""Corpora: from an author's name or a path to cleaned training, validation and test text.

catalogue.py    authors known by name, with their books and where to find these
sources.py      the bytes of a book: embedded, from NLTK's corpus, from Project Gutenberg, or from a path
gutenberg.py    Project Gutenberg books by number, downloaded once and cached
gutenberg_catalogue.py  its books: the table that comes with genbench, and the catalogue file
gutenberg_search.py     books by words, and those of an author by name
text_cache.py   downloaded files, stored with their checksums
downloads.py    HTTP downloads that are complete or fail, with retries and timeouts
encoding.py     decoding: byte order marks, named and suggested encodings
records.py      texts in a column of CSV, TSV and JSON Lines files
cleaning.py     removal of licence texts, title lines and white space at line ends
transcription.py  removal of credits, marks of illustrations and page numbers
compressed.py   files compressed with gzip
word_breaks.py  spaces between the words of scripts that are written without
line_wraps.py   joining of hard line wraps, and telling prose from verse and lists
reading.py      the options of reading, and notes on what was changed or looks wrong
long_text.py    texts too long for memory, decoded and cleaned part by part
text_files.py   files of the user or standard input, cleaned and not split
split.py        training, validation and test parts of books
expressions.py  sums of texts with weights, such as 2*austen+carroll
joining.py      the corpus of such a sum
own_split.py    folders with train, validation and test files, used as they are
anchors.py      standard texts of the field, and the results that others have published on them
corpus.py       Corpus: the three parts of an author's text, and texts cut down from it
loading.py      load_corpus, load_corpora and the default authors
"""
