"""The Federalist papers in folders by author, for attribution: who wrote the twelve disputed ones?

    python benchmarks/federalist.py PAPERS FOLDER

PAPERS is a folder with a text file for each of the 85 papers, whose name ends in the number of the paper. The heading
and the signature of each are left out. The authors are those of Mosteller and Wallace (1964), who found Madison for all
of the disputed papers.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

AUTHORS = {
    "jay": {2, 3, 4, 5, 64},
    "madison": {10, 14, *range(37, 49)},
    "joint": {18, 19, 20},
    "disputed": {*range(49, 59), 62, 63},
}


def main(papers: Path, folder: Path) -> None:
    """Write each paper into the folder of its author."""
    for path in sorted(papers.glob("*.txt")):
        number = int(re.findall(r"\d+", path.stem)[-1])
        author = next((author for author, numbers in AUTHORS.items() if number in numbers), "hamilton")

        # from the line after the address to the signature
        text = re.sub(r"(?s).*?To the People of the State of New York.*?\n", "", path.read_text("utf-8"), count=1)
        text = text[: text.rindex("PUBLIUS")] if "PUBLIUS" in text else text
        (folder / author).mkdir(parents=True, exist_ok=True)
        (folder / author / f"paper_{number:02}.txt").write_text(text.strip() + "\n", "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
