"""Constrained generation: texts from a chain's own distribution, given that they meet a constraint.

automaton        Automaton, one constraint over characters; Table, several of them as one finite automaton
phrases          Contains, StartsWith, EndsWith, Until
lengths          Words, Characters
sentences        Sentences: where a text ends, after so many sentences
expressions      Expression: a regular expression over the whole text
pronunciation    rhyme and metre, by the CMU Pronouncing Dictionary
tokens           TokenAutomaton: the same over the tokens of a generator
options          Constraints: what a user asks for, validated
conditioned      texts of a chain, given its constraints
guided           texts of other generators, guided by a chain that looks ahead
"""
