"""Showing results: in the terminal and as files."""
