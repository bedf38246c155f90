"""Arithmetic coding in integers: a 64-bit range coder (Martin 1979), with totals of up to 2 ** 48.

Encoder and decoder narrow a range to the interval of each symbol. The highest byte is written once only a carry can
still change it. A symbol with an interval of size s out of a total of t takes log2(t / s) bits and at most 2 ** -8 bits
more; the end takes two bytes.
"""

from __future__ import annotations

BITS = 64
TOP, BOTTOM = 1 << BITS, 1 << (BITS - 8)
MAX_TOTAL = 1 << 48


class Encoder:
    """Encodes symbols, each given as an interval of a total, into bytes."""

    def __init__(self) -> None:
        self._low, self._range = 0, TOP
        self._bytes = bytearray()

    def encode(self, start: int, size: int, total: int) -> None:
        """Encode the symbol with the interval [start, start + size) of `total`; `size` is above 0."""
        # narrow the range to the interval
        unit = self._range // total
        self._low += start * unit
        self._range = size * unit

        # write the bytes that are determined
        if self._low >= TOP:
            self._low -= TOP
            self._carry()
        while self._range < BOTTOM:
            self._shift()

    def finish(self) -> bytes:
        """Return all bytes: as few as identify the last range, since a decoder reads zeros after the end."""
        # the number in the range that ends in the most zero bytes, which need not be written
        last = self._low + self._range - 1
        for shift in range(BITS - 8, -1, -8):
            code = last >> shift << shift
            if code >= self._low:
                break

        # the carry into the bytes before
        if code >= TOP:
            code -= TOP
            self._carry()
        return bytes(self._bytes + code.to_bytes(BITS // 8, "big")).rstrip(b"\0")

    def _shift(self) -> None:
        self._bytes.append(self._low >> (BITS - 8))
        self._low = self._low << 8 & (TOP - 1)
        self._range <<= 8

    def _carry(self) -> None:
        """Add one to the number that the written bytes form."""
        # bytes of 255 overflow into the byte before
        position = len(self._bytes) - 1
        while self._bytes[position] == 0xFF:
            self._bytes[position] = 0
            position -= 1
        self._bytes[position] += 1


class Decoder:
    """Decodes the bytes of an Encoder: call `locate` to find the next symbol, then `decode` with its interval."""

    def __init__(self, data: bytes) -> None:
        self._data, self._position = data, BITS // 8
        self._code = int.from_bytes(data[: BITS // 8].ljust(BITS // 8, b"\0"), "big")
        self._range = TOP

    def locate(self, total: int) -> int:
        """Return a number in the interval of the next symbol, from 0 to below `total`."""
        return min(self._code // (self._range // total), total - 1)

    def decode(self, start: int, size: int, total: int) -> None:
        """Consume the symbol with the interval [start, start + size) of `total`."""
        # the same arithmetic as in the encoder
        unit = self._range // total
        self._code -= start * unit
        self._range = size * unit

        # read more bytes; zeros after the end
        while self._range < BOTTOM:
            byte = self._data[self._position] if self._position < len(self._data) else 0
            self._code = (self._code << 8 | byte) & (TOP - 1)
            self._range <<= 8
            self._position += 1
