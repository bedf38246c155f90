"""Markov chains over characters and words, counted with numpy."""
