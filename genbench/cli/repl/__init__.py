"""The interactive prompt: what `genbench generate AUTHOR` runs on a terminal.

prompt.py     reads a line, by prompt_toolkit: history, completion, the toolbar
settings.py   what is set, and the commands that set it
session.py    the loop: a line is a prompt to continue, or a command; Ctrl-C stops a text, Ctrl-D ends the session
"""
