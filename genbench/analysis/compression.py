"""Lossless text compression: an arithmetic coder with a model's predictions, one token at a time.

    bytes    content of a compressed file
    4        "gbz1"; "gbz2" if a word model predicts by the character (`charlevel/ranking.py`)
    4        CRC-32 of everything after it
    16       fingerprint of the model
    4, 4     CRC-32 of the first 64 predictions, as integers, and of all of them
    16       first half of the SHA-256 of the text
    1 to 5   number of tokens, 7 bits per byte
    ...      the arithmetic code

If the decoder's predictions differ in any bit, the text would be wrong; the checksums detect it.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from genbench.analysis.range_coder import Decoder, Encoder
from genbench.errors import ContractError, RoundingError, UserError
from genbench.generator import Generator, LogProbs, ProgressCallback, ignore
from genbench.model import Model
from genbench.scoring import require_distribution
from genbench.storage.models import find_by_fingerprint
from genbench.tokenization.normal_form import form_notes
from genbench.tokenization.tokenizer import Ids
from genbench.training import SILENT, ProgressListener

MAGIC, BY_CHARACTER = b"gbz1", b"gbz2"
HEADER = struct.Struct(">4sI16sII16s")
UNCHECKED_BYTES = 8  # at the start, not covered by the CRC
TOTAL = 1 << 32  # approximate sum of the integers that represent probabilities
FIRST_PREDICTIONS = 64  # after so many, a decoder compares checksums for the first time
PROGRESS_EVERY = 1000  # tokens


def compress(model: Model, data: bytes, *, listener: ProgressListener = SILENT) -> bytes:
    """Compress a text in UTF-8 to the bits that the model assigns to it, plus at most 64 bytes.

    `decompress` restores every byte, with the same model on the same machine. A text in another Unicode normal form
    than the training text, which costs bits, is reported to the listener. Raises UserError for data that is not UTF-8,
    ContractError for a generator that loses text or returns no distribution.
    """
    for note in form_notes(model.generator.tokenizer, decode_utf8(data)):
        listener.message(note)
    magic = MAGIC if model.ranked is model.generator else BY_CHARACTER
    return encode_text(model.ranked, data, model.fingerprint, listener.task("compressing"), magic=magic)


def decompress(data: bytes, model: Model | None = None, *, listener: ProgressListener = SILENT) -> bytes:
    """Return the text that `compress` compressed, byte for byte; if `model` is None, search the stored models for it.

    Raises UserError if the model is not stored or is another one, or if the data is damaged, and RoundingError if the
    model's predictions differ from those on the machine that compressed the text: a wrong text is never returned.
    """
    # the model, by its fingerprint
    compressed = CompressedText.unpack(data)
    if model is None:
        stored = find_by_fingerprint(compressed.fingerprint)
        listener.message(f"using {stored.name}, trained on {stored.card.created[:10]}")
        with listener.stage(f"loading {stored.name}"):
            model = Model.from_stored(stored)
    if model.fingerprint != compressed.fingerprint:
        raise UserError(
            "the text was compressed with another model; name that one, or none to search the stored models"
        )
    generator = model.ranked if compressed.magic == BY_CHARACTER else model.generator
    return decode_text(generator, compressed, listener.task("decompressing"))


@dataclass(frozen=True)
class CompressedText:
    """The parts of a compressed text."""

    fingerprint: bytes  # of the model, 16
    first_checksum: int  # of the first predictions
    checksum: int  # of all predictions
    digest: bytes  # of the text, 16
    tokens: int
    code: bytes
    magic: bytes = MAGIC

    def pack(self) -> bytes:
        """Return the bytes of the file."""
        # pack the header with a CRC of 0, then replace the CRC by that of all bytes after it
        body = _encode_varint(self.tokens) + self.code
        header = HEADER.pack(self.magic, 0, self.fingerprint, self.first_checksum, self.checksum, self.digest)
        checked_bytes = header[UNCHECKED_BYTES:] + body
        return self.magic + struct.pack(">I", zlib.crc32(checked_bytes)) + checked_bytes

    @classmethod
    def unpack(cls, data: bytes) -> CompressedText:
        """Return the parts of a file. Raises UserError if it is not a compressed text, or is damaged."""
        if data[: len(MAGIC)] not in (MAGIC, BY_CHARACTER):
            raise UserError("this is not a compressed text; name a file that genbench compress wrote")

        # a header that is too short is as damaged as one with a wrong checksum
        try:
            magic, crc, fingerprint, first_checksum, checksum, digest = HEADER.unpack_from(data)
            tokens, position = _decode_varint(data, HEADER.size)
        except (struct.error, IndexError):
            crc = None
        if crc != zlib.crc32(data[UNCHECKED_BYTES:]):
            raise UserError("the compressed text is damaged (its checksum is wrong); copy or compress it again")
        return cls(fingerprint, first_checksum, checksum, digest, tokens, data[position:], magic)


class IntegerPredictions:
    """Predictions of a generator as integers, one token at a time, with a checksum of them."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.state = generator, generator.start()
        self.count = self.first_checksum = self.checksum = 0

    def cumulative(self) -> Ids:
        """Return the start of the interval of each token, followed by the total, (vocabulary + 1,)."""
        log_probs = require_distribution(self.generator.log_probs(self.state), self.generator.tokenizer.size)
        cumulative = cumulative_counts(log_probs)

        # the checksum covers every prediction; another one, only the first predictions
        self.checksum = zlib.crc32(cumulative.astype("<i8").tobytes(), self.checksum)
        self.count += 1
        if self.count <= FIRST_PREDICTIONS:
            self.first_checksum = self.checksum
        return cumulative

    def advance(self, token: int) -> None:
        """Read one more token."""
        self.state = self.generator.advance(self.state, token)


def cumulative_counts(log_probs: LogProbs) -> Ids:
    """Return the cumulative sums, from 0, of probabilities as positive integers that sum to about 2 ** 32.

    >>> cumulative_counts(np.log([0.25, 0.75])).tolist()
    [0, 1073741825, 4294967298]
    """
    # adding 1 gives every token an interval
    cumulative = np.zeros(len(log_probs) + 1, np.int64)
    np.cumsum(np.floor(np.exp(log_probs) * TOTAL).astype(np.int64) + 1, out=cumulative[1:])
    return cumulative


def encode_text(
    generator: Generator, data: bytes, fingerprint: bytes, progress: ProgressCallback = ignore, *, magic: bytes = MAGIC
) -> bytes:
    """Compress a text in UTF-8 with a trained generator that has this fingerprint (16 bytes)."""
    text = decode_utf8(data)
    ids = generator.tokenizer.encode(text)
    if generator.tokenizer.decode(ids) != text:
        raise ContractError("the tokenizer loses text: decode(encode(text)) is not the text")

    # encode each token with the interval that the model assigns to it
    encoder, predictions = Encoder(), IntegerPredictions(generator)
    with single_thread():
        for token in ids.tolist():
            cumulative = predictions.cumulative()
            start, stop = int(cumulative[token]), int(cumulative[token + 1])
            encoder.encode(start, stop - start, int(cumulative[-1]))
            predictions.advance(token)
            _report(progress, predictions.count, len(ids))

    digest = sha256(data).digest()[:16]
    return CompressedText(
        fingerprint, predictions.first_checksum, predictions.checksum, digest, len(ids), encoder.finish(), magic
    ).pack()


def decode_text(generator: Generator, compressed: CompressedText, progress: ProgressCallback = ignore) -> bytes:
    """Return the bytes of a compressed text. Raises RoundingError if the generator's predictions differ."""
    decoder, predictions, ids = Decoder(compressed.code), IntegerPredictions(generator), []
    with single_thread():
        for _ in range(compressed.tokens):
            # find the token whose interval contains the code
            cumulative = predictions.cumulative()
            total = int(cumulative[-1])
            token = int(np.searchsorted(cumulative, decoder.locate(total), side="right")) - 1
            start, stop = int(cumulative[token]), int(cumulative[token + 1])

            # remove it from the code, and advance the generator
            decoder.decode(start, stop - start, total)
            predictions.advance(token)
            ids.append(token)
            _report(progress, predictions.count, compressed.tokens)

            # detect a wrong model early, not after the whole text
            if predictions.count == FIRST_PREDICTIONS:
                _require_same(predictions.first_checksum == compressed.first_checksum)

    # a wrong text is never returned
    data = generator.tokenizer.decode(ids).encode()
    _require_same(predictions.checksum == compressed.checksum and sha256(data).digest()[:16] == compressed.digest)
    return data


def _require_same(same: bool) -> None:
    if not same:
        raise RoundingError(
            "the model's predictions differ from those with which the text was compressed, as they may on another "
            "machine or with another version; decompress the text on the machine that compressed it"
        )


def _report(progress: ProgressCallback, count: int, tokens: int) -> None:
    if count % PROGRESS_EVERY == 0 or count == tokens:
        progress(count / tokens)


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8. Raises UserError for bytes that are not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte {error.start} is not valid UTF-8, and only text can be compressed; convert it first, as with iconv"
        ) from error


def _encode_varint(number: int) -> bytes:
    """Encode a number with seven bits per byte, the lowest first; the last byte is below 128.

    >>> _encode_varint(300).hex(), _decode_varint(_encode_varint(300), 0)
    ('ac02', (300, 2))
    """
    # the highest bit of a byte is set if another one follows
    encoded = bytearray()
    while number >= 128:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def _decode_varint(data: bytes, position: int) -> tuple[int, int]:
    """Decode the number at a position; return it and the position after it."""
    number, shift = 0, 0
    while data[position] >= 128:
        number |= (data[position] & 127) << shift
        position, shift = position + 1, shift + 7
    return number | data[position] << shift, position + 1


@contextmanager
def single_thread() -> Iterator[None]:
    """Make torch use one thread within the context, so that sums are always computed in the same order."""
    torch = sys.modules.get("torch")  # a chain does not need it
    threads = torch.get_num_threads() if torch else 1

    # the number of threads is global: set it back, even after an error
    try:
        if torch:
            torch.set_num_threads(1)
        yield
    finally:
        if torch:
            torch.set_num_threads(threads)
