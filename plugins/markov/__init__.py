"""Markov chains: n-gram models over characters, words and classes of words, counted and read by compiled loops.

From the counts upwards; a file imports only from the files above it:

    suffix_tree        SuffixTree: the counts of all n-grams of a text, and the contexts of a stream
    compiling          compile functions with numba, once per installation
    sorting_kernels    compiled loops that sort contexts
    context_sorting    sort the positions of a stream by the tokens before them
    counting_kernels   compiled loops that count what follows every context
    tree_building      build the tree from a stream of tokens, and check that the memory is enough
    mapped_arrays      arrays in mapped files
    tree_from_ngrams   build it from distinct n-grams and their counts, in mapped files
    counting_by_parts  count a long stream in parts, here or on many machines, that are merged on disk
    packed_tree        PackedTree: the tree in little memory, as a chain keeps it
    smoothing          closed-form smoothing: Kneser-Ney, modified Kneser-Ney, absolute, Witten-Bell, add-k, mle
    weighted_counts    counts of a text whose pieces have weights, and discounts for them
    fitted_smoothing   discounts that depend on the context: the features
    backoff_model      BackoffModel: the arrays of a smoothed tree, and its back-off form
    tree_kernels       compiled loops over the tree: find what followed, advance; imported when a chain is used
    kernels            compiled loops: predict, score
    backoff_building   build a BackoffModel, with checks of its arrays
    group_kernels      compiled loops that read a chain for a network
    group_reader       groups of tokens, for the output layer of a network
    word_chains        WordChains: word and class chains in the form in which they are read by the character
    characters         characters as numbers, for compiled loops
    context_kernels    compiled loops that build WordChains
    word_building      build WordChains from the parts of a mixture
    conditioning_kernels  compiled loops that multiply a chain with an automaton, and sample
    equation_kernels   compiled loops that write and solve the equations of that product
    equations          solve them: strongly connected components in order, BiCGSTAB
    excluded_pairs     contexts without the tokens that no encoding of subwords has next
    conditioning       ConditionedChain: a chain given that an automaton accepts its text
    sum_kernels        compiled loops that sum probabilities, such as of all words that start with some letters
    path_kernels       compiled loops over paths, the ways to split a text into tokens
    reading_kernels    compiled loops that read a text by the character
    word_view          WordView: word and class chains with the methods of a character model
    fit_kernels        compiled loops that fit discounts
    discount_fitting   fit the weights of fitted smoothing on validation text
    sampling_kernels   compiled loops that sample
    quantile_sampling  sample without computing the whole distribution
    cache_model        the counts of the text read so far, for the option `adaptive`
    adaptive_chain     AdaptiveChain: base class of the generators with that option
    chain              MarkovChain: the n-gram chain, without the tokenizer
    large_vocabulary   LargeVocabularyChain: one that samples by quantile
    spelling           SpellingModel: the character chain that spells unknown words
    spelled_rows       SpelledRows: its states and those of the word chain, many at once
    spelled_chain      SpelledChain: a word chain that spells by it
    export_kernels     the compiled loop that lists what a chain predicts
    web_table          a chain as a table of n-grams, for a web page
    ngram              `markov-char` and `markov-word`
    subword            `markov-subword`
    preload            load the compiled loops before processes are forked
    class_kernels      compiled loops that cluster words
    class_model        `markov-class`: clustering of words, and a chain over the classes
    feature_kernels    compiled loop that finds the features of contexts
    char_word          `markov`: character, word and class chains interpolated
"""
