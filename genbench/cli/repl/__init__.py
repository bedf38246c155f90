"""`genbench generate AUTHOR` on a terminal: a prompt at which beginnings are typed, and short commands.

settings.py   what is set, and the commands that set it
session.py    the loop: read a line, draw or do; Ctrl-C stops a sample, Ctrl-D leaves
asking.py     prompt_toolkit: history, completion, the line that tells what is set
"""
