"""Results for people to read: in the terminal, as pages for a browser, and as files.

formatting.py          numbers and text formatted; text made safe for a terminal
colors.py              the themes, the colors of series, the scale of surprisal
columns.py             the columns of the result table
comparison_tables.py   the further tables and sentences of a comparison as text
terminal/              what the commands print
html/                  pages for a browser
export/                JSON, CSV, Markdown and HTML files; the card of an exported model
"""
