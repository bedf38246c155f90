"""The texts of a stored model that learns by counting, kept beside it: they are counted again when it is merged.

    texts.jsonl.gz    a line of JSON for each text: {"part": "train", "weights": [], "text": "..."}

The weights are those of `Text.pieces`. The texts of a part, joined as books are, are the part. They are neither
exported nor sent to another machine. The card has the sha256 of the file, so that no other text can take their place.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from genbench.errors import UserError
from genbench.generator import ProgressCallback, ignore
from genbench.storage.stored_model import StoredModel, digest_of, has_digest
from genbench.tokenization.text import Text

TEXTS = "texts.jsonl.gz"
COMPRESSION = 3  # of gzip, 1 to 9: prose takes 0.4 of its bytes, at 50 MB a second


class KeptTexts(NamedTuple):
    """The texts that a training text and a validation text are joined from, in their order."""

    train: Sequence[Text]
    valid: Sequence[Text]


def write_texts(texts: KeptTexts, folder: Path, progress: ProgressCallback = ignore) -> str:
    """Write the texts of a model into its folder; return the sha256 of the file."""
    path = folder / TEXTS
    written, size = 0, max(sum(map(len, [*texts.train, *texts.valid])), 1)

    # without a name and a time, equal texts are equal files
    with path.open("wb") as raw, gzip.GzipFile("", "wb", COMPRESSION, raw, mtime=0) as file:
        for part, parts in texts._asdict().items():
            for text in parts:
                file.write(f'{{"part": "{part}", "weights": {json.dumps(text.weights)}, "text": "'.encode())
                for block in text.blocks():
                    file.write(json.dumps(block, ensure_ascii=False)[1:-1].encode())  # without its quotation marks
                    written += len(block)
                    progress(written / size)
                file.write(b'"}\n')
    return digest_of(path)


def keeps_texts(model: StoredModel) -> bool:
    """Return whether a stored model has its texts."""
    return not model.card.imported and model.card.texts != "" and (model.folder / TEXTS).exists()


def read_texts(model: StoredModel) -> KeptTexts:
    """Return the texts of a stored model. Raises UserError where they are not there or damaged."""
    if not keeps_texts(model):
        reason = "it was imported" if model.card.imported else "an earlier version, or another machine, trained it"
        raise UserError(
            f"the training text of model {model.name} is not stored with it, because {reason}: train it here, with "
            "genbench train AUTHOR -g SPEC --retrain"
        )
    path = model.folder / TEXTS
    if not has_digest(path, model.card.texts):
        raise UserError(f"the {TEXTS} of model {model.name} is damaged; train it again with --retrain")

    # the texts of each part in their order
    parts: dict[str, list[Text]] = {part: [] for part in KeptTexts._fields}
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        for line in lines:
            values = json.loads(line)
            parts[values["part"]].append(Text(values["text"], tuple(map(tuple, values["weights"]))))
    return KeptTexts(**parts)
