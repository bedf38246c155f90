"""Write results to files.

files.py        a comparison or a sweep as JSON, CSV, Markdown or HTML
leaderboard.py  a leaderboard, in the same formats
model_card.py   the README of an exported model
"""
