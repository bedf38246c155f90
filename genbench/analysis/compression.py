"""Text in as many bits as a generator says: its own predictions drive an arithmetic coder, one token at a time.

    bytes    what a compressed text is
    4        "gbz1"
    4        the CRC-32 of all that follows
    16       the fingerprint of the model
    4, 4     the CRC-32 of the first 64 predictions, as whole numbers, and of all of them
    16       the first half of the SHA-256 of the text
    1 to 5   how many tokens it is, 7 bits a byte
    ...      the code

A decoder that predicts ever so little otherwise would go astray and never know: the checksums tell.
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
from genbench.errors import ContractError, UserError
from genbench.generator import Generator, LogProbs, ProgressCallback, ignore
from genbench.scoring import checked
from genbench.tokenization.tokenizer import Ids

MAGIC = b"gbz1"
HEAD = struct.Struct(">4sI16sII16s")
UNCHECKED = 8  # bytes before what the CRC is of
TOTAL = 1 << 32  # of the whole numbers that stand for probabilities
PROBE = 64  # predictions after which a decoder first looks whether they are the same
TOLD = 1000  # tokens between two reports


@dataclass(frozen=True)
class Compressed:
    """A compressed text, taken apart."""

    fingerprint: bytes  # of the model, 16
    probe: int  # checksum of the first predictions
    whole: int  # and of all
    digest: bytes  # of the text, 16
    tokens: int
    code: bytes

    def pack(self) -> bytes:
        """The bytes of a file."""
        rest = _varint(self.tokens) + self.code
        head = HEAD.pack(MAGIC, 0, self.fingerprint, self.probe, self.whole, self.digest)
        return MAGIC + struct.pack(">I", zlib.crc32(head[UNCHECKED:] + rest)) + head[UNCHECKED:] + rest

    @classmethod
    def unpack(cls, data: bytes) -> Compressed:
        """The parts of a file; UserError where it is none of ours, or damaged."""
        if data[: len(MAGIC)] != MAGIC:
            raise UserError("this is no compressed text of ours; name a file that genbench compress wrote")
        try:
            _, crc, fingerprint, probe, whole, digest = HEAD.unpack_from(data)
            tokens, place = _read_varint(data, HEAD.size)
        except (struct.error, IndexError):
            crc = None
        if crc != zlib.crc32(data[UNCHECKED:]):
            raise UserError("the compressed text is damaged (its checksum is wrong); copy or compress it again")
        return cls(fingerprint, probe, whole, digest, tokens, data[place:])


class Steps:
    """A generator walked one token at a time, its predictions as whole numbers, with a checksum of them."""

    def __init__(self, generator: Generator) -> None:
        self.generator, self.state = generator, generator.start()
        self.count = self.probe = self.whole = 0

    def ladder(self) -> Ids:
        """Where the stretch of each token starts, and last the total, (vocabulary + 1,)."""
        found = ladder(checked(self.generator.log_probs(self.state), self.generator.tokenizer.size))
        self.whole = zlib.crc32(found.astype("<i8").tobytes(), self.whole)
        self.count += 1
        if self.count <= PROBE:
            self.probe = self.whole
        return found

    def read(self, token: int) -> None:
        """Go on by a token."""
        self.state = self.generator.advance(self.state, token)


def ladder(log_probs: LogProbs) -> Ids:
    """Probabilities as whole numbers of about 2 ** 32 in all, none of them 0, summed up from 0.

    >>> ladder(np.log([0.25, 0.75])).tolist()
    [0, 1073741825, 4294967298]
    """
    found = np.zeros(len(log_probs) + 1, np.int64)
    np.cumsum(np.floor(np.exp(log_probs) * TOTAL).astype(np.int64) + 1, out=found[1:])
    return found


def compress(generator: Generator, data: bytes, fingerprint: bytes, progress: ProgressCallback = ignore) -> bytes:
    """A text in UTF-8, compressed with a trained generator whose fingerprint this is (16 bytes).

    Raises UserError for what is no UTF-8, ContractError for a generator that loses text or is no distribution.
    """
    text = decoded(data)
    ids = generator.tokenizer.encode(text)
    if generator.tokenizer.decode(ids) != text:
        raise ContractError("the tokenizer loses text: decode(encode(text)) is not the text")
    coder, steps = Encoder(), Steps(generator)
    with one_thread():
        for token in ids.tolist():
            stretches = steps.ladder()
            start, stop = int(stretches[token]), int(stretches[token + 1])
            coder.encode(start, stop - start, int(stretches[-1]))
            steps.read(token)
            _report(progress, steps.count, len(ids))
    digest = sha256(data).digest()[:16]
    return Compressed(fingerprint, steps.probe, steps.whole, digest, len(ids), coder.finish()).pack()


def decompress(generator: Generator, packed: Compressed, progress: ProgressCallback = ignore) -> bytes:
    """The bytes of a compressed text again; UserError where the generator predicts otherwise than it did then."""
    decoder, steps, ids = Decoder(packed.code), Steps(generator), []
    with one_thread():
        for _ in range(packed.tokens):
            stretches = steps.ladder()
            total = int(stretches[-1])
            token = int(np.searchsorted(stretches, decoder.where(total), side="right")) - 1
            start, stop = int(stretches[token]), int(stretches[token + 1])
            decoder.decode(start, stop - start, total)
            steps.read(token)
            ids.append(token)
            _report(progress, steps.count, packed.tokens)
            if steps.count == PROBE:
                _require_same(steps.probe == packed.probe)
    data = generator.tokenizer.decode(ids).encode()
    _require_same(steps.whole == packed.whole and sha256(data).digest()[:16] == packed.digest)
    return data


def _require_same(same: bool) -> None:
    if not same:
        raise UserError(
            "the model predicts otherwise here than where the text was compressed, as other machines and versions may "
            "in the last digits; decompress it there"
        )


def _report(progress: ProgressCallback, count: int, tokens: int) -> None:
    if count % TOLD == 0 or count == tokens:
        progress(count / tokens)


def decoded(data: bytes) -> str:
    """The text of bytes in UTF-8; UserError where they are none."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UserError(
            f"byte {error.start} is no valid UTF-8, and only text can be compressed; convert it first, as with iconv"
        ) from error


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the last byte is below 128.

    >>> _varint(300).hex(), _read_varint(_varint(300), 0)
    ('ac02', (300, 2))
    """
    found = bytearray()
    while number >= 128:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    """The number that begins there, and where it is over."""
    number, shift = 0, 0
    while data[place] >= 128:
        number |= (data[place] & 127) << shift
        place, shift = place + 1, shift + 7
    return number | data[place] << shift, place + 1


@contextmanager
def one_thread() -> Iterator[None]:
    """While this lasts, networks reckon in one thread, so that sums are always made in the same order."""
    torch = sys.modules.get("torch")  # a chain needs none
    threads = torch.get_num_threads() if torch else 1
    try:
        if torch:
            torch.set_num_threads(1)
        yield
    finally:
        if torch:
            torch.set_num_threads(threads)
