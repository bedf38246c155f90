"""Text generation: one decoding loop for every generator, built on its methods start, advance and log_probs.

parameters    Sampling: length, temperature, top-k, top-p, min-p and more; prompts
step          one decoding step: DecodingState, and sampling a token with the parameters
loop          stream and generate for one text, generate_many for a batch of texts
beginnings    how the author's paragraphs begin, for texts without a prompt
repetition    the penalty by which loops end
limits        where a text ends: its length, a stop string, the end of a sentence
completion    prompts that end inside a word
spelled       words of a text that are not in the training text
word_numbers  the words of a text as hashes and numbers
overlap       max_overlap: TrainingWords, and the guard that resamples copied text
constraints   Constraints: texts that contain a word, have so many words, match an expression, ...
"""

from genbench.sampling.constraints.options import Constraints as Constraints
from genbench.sampling.loop import generate as generate
from genbench.sampling.loop import generate_many as generate_many
from genbench.sampling.loop import stream as stream
from genbench.sampling.overlap import TrainingWords as TrainingWords
from genbench.sampling.parameters import DEFAULT_LENGTH as DEFAULT_LENGTH
from genbench.sampling.parameters import RANDOM_PROMPT as RANDOM_PROMPT
from genbench.sampling.parameters import Sampling as Sampling
from genbench.sampling.parameters import describe_choices as describe_choices
from genbench.sampling.parameters import require_prompt as require_prompt
from genbench.sampling.parameters import resolve_prompt as resolve_prompt
