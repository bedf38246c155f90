"""The generators that ship with genbench, as plugins; like any other plugin, they import only documented names.

markov/                    n-gram chains over characters, words and classes of words
markovify_chain            the markovify package's chain, with a probability for every string
markovify_links            its counts as arrays
nltk_lm                    the n-gram models of nltk.lm
rnn, gru, lstm, peephole   recurrent networks that differ in their cell
stacked, window            LSTMs with several layers, and with a fixed window of context
mogrifier                  an LSTM whose input and output scale each other before a step
blocks                     residual blocks around the cells below, and operations that several of them share
minimal, slstm, mlstm      minGRU and minLSTM; the two cells of the xLSTM
gated_deltanet             linear attention that corrects what it stored
transformer                a causal Transformer, whose state is the last keys and values
mixture                    a weighted mixture of other generators
online_weights             mixture weights that are updated after every token
"""
