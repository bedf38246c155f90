"""Generate a text that can only be predicted with memory: `python examples/recall.py 200000 > recall.txt`.

Each line starts with an opening bracket or a name, and ends with the closing bracket or the same name after a mark (;
or ,). The words between are random and independent of both. So a model that does not remember the beginning of the line
needs log2(4) = 2 bits for the bracket, or log2(8) = 3 bits for the name.
"""

import random
import sys

BRACKETS = ("()", "[]", "{}", "<>")
NAMES = ("Ada", "Bruno", "Clara", "Dora", "Emil", "Frida", "Gustav", "Hilda")
WORDS = ("oak", "river", "stone", "moss", "heron", "lake", "fern", "cloud", "salt", "barn", "elm", "gate")
RANGES = ((1, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128))  # distances in characters


def line(rng: random.Random) -> str:
    """Return one random line."""
    # random words, of about a random length
    low, high = rng.choice(RANGES)
    distance, words = rng.randint(low, high), []
    while len(" ".join(words)) < distance - 2:
        words.append(rng.choice(WORDS))

    # a pair of brackets or a repeated name around them
    if rng.random() < 0.5:
        opening, closing = rng.choice(BRACKETS)
        return f"{opening}{' '.join(words)};{closing}"
    name = rng.choice(NAMES)
    return f"{' '.join([name, *words])}, {name}."


def text(characters: int, seed: int = 0) -> str:
    """Return random lines with at least `characters` characters in total."""
    rng, lines, length = random.Random(seed), [], 0
    while length < characters:
        lines.append(line(rng))
        length += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
