"""Analyses of trained models and of generated texts; each file has a public function and its computation.

novelty.py        what generated texts copy from the training text, and which n-grams are new
diversity.py      distinct-n and self-BLEU
common_runs.py    runs that texts share with the training text, in one pass over it
attribution.py    attribute a text to one of several authors
confusion.py      how well models of several authors distinguish them
style_judge.py    attribute samples with models that share no training text with the generators
memory.py         bits with shorter contexts, and gradient norms by lag
minimal_pairs.py  the effect of a distant word on words that depend on it
recall.py         bits of closing brackets and repeated names, by distance
gates.py          gates and memory of a recurrent network over a text
scores.py         the score of a text, with its interval and the share of it that was trained on
surprisal.py      the surprisal of each word of a text under several models
compression.py    lossless compression with a model's predictions; range_coder.py: the arithmetic coder
explanations.py   the counts behind a prediction
strata.py         groups of characters of a text, to split bits by
baselines.py      bits of a uniform distribution, of single characters, and of a compressor
intervals.py      confidence intervals, over the blocks of a text; student_t.py: Student's t distribution
holm.py           several differences tested together
"""
