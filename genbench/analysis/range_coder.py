"""An arithmetic coder in whole numbers: a range coder (Martin 1979) of 64 bits, with totals of up to 2 ** 48.

Both sides narrow a range by the share of each symbol; whole bytes leave at the top. A code of size s of a total t takes
log2(t / s) bits, within one part in 2 ** 8 of a bit at the worst total, and two bytes at the end.
"""

from __future__ import annotations

BITS = 64
TOP, BOTTOM = 1 << BITS, 1 << (BITS - 8)
LARGEST = 1 << 48  # total


class Encoder:
    """Symbols, each a stretch of a total, to bytes."""

    def __init__(self) -> None:
        self._low, self._range = 0, TOP
        self._bytes = bytearray()

    def encode(self, start: int, size: int, total: int) -> None:
        """Narrow the range to the stretch from `start`, `size` long and not empty, of `total`."""
        unit = self._range // total
        self._low += start * unit
        self._range = size * unit
        if self._low >= TOP:
            self._low -= TOP
            self._carry()
        while self._range < BOTTOM:
            self._shift()

    def finish(self) -> bytes:
        """All bytes, as few as tell the last range; a decoder reads zeros after them."""
        last = self._low + self._range - 1
        for cut in range(BITS - 8, -1, -8):  # the highest number in the range that ends in most zeros
            found = last >> cut << cut
            if found >= self._low:
                break
        if found >= TOP:
            found -= TOP
            self._carry()
        return bytes(self._bytes + found.to_bytes(BITS // 8, "big")).rstrip(b"\0")

    def _shift(self) -> None:
        self._bytes.append(self._low >> (BITS - 8))
        self._low = self._low << 8 & (TOP - 1)
        self._range <<= 8

    def _carry(self) -> None:
        """One more in the bytes that have left."""
        place = len(self._bytes) - 1
        while self._bytes[place] == 0xFF:
            self._bytes[place] = 0
            place -= 1
        self._bytes[place] += 1


class Decoder:
    """The same stretches out of the bytes again: ask where the next symbol lies, then say which stretch it was."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, BITS // 8
        self._code = int.from_bytes(data[: BITS // 8].ljust(BITS // 8, b"\0"), "big")
        self._range = TOP

    def where(self, total: int) -> int:
        """A place in the stretch of the next symbol, from 0 to below `total`."""
        return min(self._code // (self._range // total), total - 1)

    def decode(self, start: int, size: int, total: int) -> None:
        """The symbol was the stretch from `start`, `size` long, of `total`."""
        unit = self._range // total
        self._code -= start * unit
        self._range = size * unit
        while self._range < BOTTOM:
            following = self._data[self._place] if self._place < len(self._data) else 0
            self._code = (self._code << 8 | following) & (TOP - 1)
            self._range <<= 8
            self._place += 1
