"""Audit: a row's score comes from predictions that were made before the next token was known.

    auditor    a process without code of the generator: it knows the test text, asks for predictions, adds up the bits
    predictor  a process without texts: it loads the stored model, sends a distribution, and then gets the token

request.py     what the auditor is asked
auditor.py     the auditor: checks the preview, reads the texts, makes the row
predictor.py   the predictor
walk.py        read a stream step by step, as much of it as the time allows
rereading.py   whether a generator learns while it reads, measured by reading a passage twice
"""
