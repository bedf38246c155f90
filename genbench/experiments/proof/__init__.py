"""Proofs: a folder with which a stranger can check the figures of a run.

prove.py      writes the folder: models, compressed test texts, versions, checksums
rows.py       which rows can be proved, and what is written of each
wheel.py      a wheel of the genbench that runs
versions.py   pinned versions of what genbench depends on
readme.py     README.md of the folder
check.py      a proof that somebody else sent, checked with the genbench that is installed here
verify.py     the script that is copied into the folder: decodes, scores, compares with the table
"""
