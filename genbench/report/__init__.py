"""Show results in the terminal, as pages for a browser, and as files.

formatting.py          numbers and text formatted; text made safe for a terminal
colors.py              the two themes, the colors of chart series, the color scale of surprisal
columns.py             the columns of the result table
comparison_tables.py   the tables and sentences below the result table, as text
pairs.py               pairs of rows: the step to the next row, what is not clearly different
leaderboard.py         the tables and sentences of a leaderboard
terminal/              the output of the commands
html/                  pages for a browser
export/                JSON, CSV, Markdown and HTML files; the card of an exported model
"""
