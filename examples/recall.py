"""A text on which memory is needed by construction: `python examples/recall.py 200000 > recall.txt`.

Each line opens with a bracket or a name and ends with the one that closes it or the same name, after a mark (; or ,)
that says that it comes; the words between are drawn without regard to either. So which it is costs log2(4) bits for a
bracket and log2(8) for a name, unless the beginning of the line is remembered.
"""

import random
import sys

BRACKETS = ("()", "[]", "{}", "<>")
NAMES = ("Ada", "Bruno", "Clara", "Dora", "Emil", "Frida", "Gustav", "Hilda")
WORDS = ("oak", "river", "stone", "moss", "heron", "lake", "fern", "cloud", "salt", "barn", "elm", "gate")
RANGES = ((1, 4), (5, 8), (9, 16), (17, 32), (33, 64), (65, 128))  # characters between


def line(rng: random.Random) -> str:
    """One line."""
    low, high = rng.choice(RANGES)
    wanted, words = rng.randint(low, high), []
    while len(" ".join(words)) < wanted - 2:
        words.append(rng.choice(WORDS))
    if rng.random() < 0.5:
        opening, closing = rng.choice(BRACKETS)
        return f"{opening}{' '.join(words)};{closing}"
    name = rng.choice(NAMES)
    return f"{' '.join([name, *words])}, {name}."


def text(characters: int, seed: int = 0) -> str:
    """Lines, at least so many characters."""
    rng, lines, length = random.Random(seed), [], 0
    while length < characters:
        lines.append(line(rng))
        length += len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000))
