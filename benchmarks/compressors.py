"""General-purpose compressors on the test text, given the training text: size(train + test) - size(train).

    python benchmarks/compressors.py [AUTHOR]...      default: austen carroll, as raw text (--lines keep)

The validation text is part of what they are given. xz is Python's; zpaq (-m5) and paq8px (-8) are used where they are
on PATH. Their figures are those of the catalogue of published results, corpora/anchors.toml.
"""

from __future__ import annotations

import lzma
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import genbench

COMMANDS = {
    "zpaq -m5": ["zpaq", "add", "out.zpaq", "text", "-m5", "-t1"],
    "paq8px -8": ["paq8px", "-8", "text", "out.paq8px"],
}


def xz_size(data: bytes) -> int:
    """Return the size that xz at its strongest compresses data to."""
    return len(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def command_size(command: list[str], data: bytes) -> int:
    """Return the size of the file that a command makes of data."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "text").write_bytes(data)
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return next(path.stat().st_size for path in Path(folder).glob("out.*"))


def main(authors: list[str]) -> None:
    """Print bits per character of each compressor on each author."""
    sizes: dict[str, Callable[[bytes], int]] = {"xz -9e": xz_size}
    for name, command in COMMANDS.items():
        if shutil.which(command[0]):
            sizes[name] = lambda data, command=command: command_size(command, data)  # type: ignore[misc]

    for author in authors or ["austen", "carroll"]:
        text = genbench.corpus(author, lines="keep")
        known, test = (str(text.train) + str(text.valid)).encode(), str(text.test)
        print(f"{author}: {len(test):,} characters, sha256 {text.part_sha256['test']}")
        for name, size in sizes.items():
            bits = 8 * (size(known + test.encode()) - size(known))
            print(f"  {name}: {bits / 8:,.0f} bytes, {bits / len(test):.4f} bits per character", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
