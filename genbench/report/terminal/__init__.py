"""Print the results of the commands.

screen.py       the console, its colors and its encoding; JSON output
tables.py       tables and lists that fit the width of a terminal; tab-separated lines in a pipe
live.py         progress bars, or plain lines
stream.py       generated text as it arrives, also several texts side by side
comparison.py   a comparison
sweep.py        a sweep
leaderboard.py  a leaderboard
models.py       the stored models
runs.py         the stored runs, and the differences between two
analysis.py     novelty, confusion, attribute, explain
memory.py       memory, gates
surprisal.py    surprisal, as colored text
checks.py       results of the conformance checks
"""
