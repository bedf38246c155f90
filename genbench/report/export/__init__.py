"""Write results to files.

files.py        a comparison or a sweep as JSON, CSV, Markdown or HTML
model_card.py   the README of an exported model
"""
