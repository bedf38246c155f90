"""What the commands print.

screen.py       the console, its colors and its encoding; JSON
tables.py       tables and lists fitted to the width; tabs in a pipe
live.py         progress
stream.py       text while it is generated, also several texts side by side
comparison.py   a comparison
sweep.py        a sweep
runs.py         the stored runs, and the differences between two
analysis.py     novelty, confusion, attribute, explain
memory.py       memory, gates
surprisal.py    surprisal
checks.py       the conformance checks
"""
