"""Encodings: from the bytes of a file to characters, and remarks on text that was decoded wrongly before.

A file is read as UTF-8, as its byte order mark says, or in an encoding that the user names. What charset-normalizer
detects is only suggested, and only where no other encoding fits about as well.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING

from genbench.errors import CorpusError
from genbench.tokenization.text import Text

if TYPE_CHECKING:
    from charset_normalizer import CharsetMatch

# UTF-32 first: its mark begins with that of UTF-16
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8-sig",
}
_CONTROL_BYTES = bytes([*range(9), *range(14, 32), 127])
_C1_CONTROLS = re.compile("[\x80-\x9f]")

# encodings to suggest; of several that read a file the same, the first
_CANDIDATES = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp874"),
    *("koi8_r", "koi8_u", "cp866", "iso8859_2", "iso8859_5", "iso8859_7"),
    *("mac_roman", "mac_cyrillic", "mac_latin2", "cp850", "cp437", "cp852"),
    *("gb18030", "big5", "cp932", "euc_jp", "cp949"),
)
_SAMPLE_BYTES = 1_000_000  # what is searched for bytes beyond ASCII
_DETECTED_BYTES = 50_000  # what the detector receives
_MAX_CHAOS = 0.05  # of a match that is suggested, and the lead in chaos that makes it certain
_MAX_MESS = 0.8  # of words that look like those of a language; those of French, Polish or Danish have up to 0.45
_MIN_LEAD = 0.04  # the lead in coherence that makes a match certain

# wrong encodings in which UTF-8 is often read
_MISREAD_AS = ("cp1252", "cp1251", "cp1250", "mac_roman")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]{2,}")
_MIN_MISREAD = 6  # characters


def require_encoding(encoding: str | None) -> None:
    """Check the value of the option `encoding`. Raises CorpusError for what is not the name of a text encoding."""
    if encoding is None:
        return
    try:
        b"a".decode(encoding, "replace")  # also refuses codecs that are no text encodings, such as base64
    except (LookupError, ValueError):
        raise CorpusError(
            f"encoding is {encoding!r}, but must be a text encoding of Python, such as cp1252, cp1251, koi8-r, "
            "shift_jis or utf-16; leave it out for UTF-8"
        ) from None


def decode(data: bytes, encoding: str | None = None, name: str = "the text") -> str:
    r"""Decode a file as its byte order mark says, or as UTF-8; where it is neither, as `encoding`.

    Raises CorpusError, with `name` as the name of the file, for binary data, for bytes that no encoding or the wrong
    one is named for, and where `encoding` reads C1 control characters, which no text has.

    >>> decode(b"C\xe6sar", "latin-1"), decode(b"C\xc3\xa6sar", "latin-1")
    ('Cæsar', 'Cæsar')
    """
    # a byte order mark leaves no doubt
    by_mark = (codec for mark, codec in _BYTE_ORDER_MARKS.items() if data.startswith(mark))
    codec = next(by_mark, None)
    if codec is not None:
        return _decode_as(data, codec, name)

    # bytes of ASCII alone may be UTF-16 or ISO-2022-JP, if that is named
    if encoding is not None and (data.isascii() or not _is_utf8(data)):
        return _decode_as(data, encoding, name)
    _refuse_binary(data, name)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{name} is not UTF-8 at byte {error.start:,}; {_advice(data)}") from None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    """Decode a file in an encoding that is named. Raises CorpusError where it is in another one."""
    try:
        text = data.decode(encoding)
    except UnicodeError as error:
        position = f" at byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
        raise CorpusError(f"{name} is not {encoding}{position}; {_advice(data)}") from None
    _refuse_binary(text.encode("utf-8", "surrogatepass"), name)

    # latin-1 reads any bytes, the quotation marks of cp1252 as control characters
    control = _C1_CONTROLS.search(text)
    if control and not codecs.lookup(encoding).name.startswith("utf"):
        raise CorpusError(
            f"{name} has control characters (U+{ord(control[0]):04X}) when it is read as {encoding}; {_advice(data)}"
        )
    return text


def _refuse_binary(data: bytes, name: str) -> None:
    """Refuse data with control characters. Raises CorpusError, with another sentence for UTF-16."""
    if not looks_binary(data):
        return
    wide = _detect_utf16(data)
    if wide:
        raise CorpusError(f"{name} is {wide} without a byte order mark; add --encoding {wide.lower()} to the command")
    raise CorpusError(f"{name} is binary, not text; name a text file")


def looks_binary(data: bytes) -> bool:
    """Return whether data has a NUL byte, or more than one control character in fifty."""
    controls = len(data) - len(data.translate(None, _CONTROL_BYTES))
    return b"\0" in data or controls * 50 > len(data)


def _detect_utf16(data: bytes) -> str | None:
    """Detect UTF-16 without a byte order mark: spaces and newlines have NUL bytes, always on the same side."""
    head = data[:4096]
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) * 25 < len(head) or min(even, odd) * 10 > max(even, odd):
        return None
    wide = "UTF-16-LE" if odd > even else "UTF-16-BE"
    try:
        text = head[: len(head) // 2 * 2].decode(wide, "ignore")
    except UnicodeError:
        return None
    return wide if sum(char.isprintable() or char.isspace() for char in text) > 0.9 * len(text) else None


def _advice(data: bytes) -> str:
    """Return the end of a sentence on a file in an unknown encoding: the encoding that it seems to be in, if any."""
    if data.startswith(tuple(_BYTE_ORDER_MARKS)):
        return "its byte order mark says that it is, so it is damaged or cut off: copy it again"
    if _is_damaged_utf8(data):
        return "most of it is UTF-8, so it is damaged or cut off: `iconv -c -f utf-8 -t utf-8` repairs it"
    encoding = detect_encoding(data)
    if encoding is None:
        return (
            "its encoding cannot be detected with certainty: if you know it, add --encoding NAME to the command, or "
            "convert the file with `iconv -f NAME -t utf-8`"
        )
    return f"it seems to be {encoding}: add --encoding {encoding} to the command"


def _is_damaged_utf8(data: bytes) -> bool:
    """Return whether few bytes are not UTF-8, compared with those of its longer characters."""
    text = data.decode(errors="ignore")
    size = len(text.encode())
    return size - len(text) > 4 * (len(data) - size)


def detect_encoding(data: bytes) -> str | None:
    """Return the encoding of a text that is not UTF-8; None where several fit about as well.

    >>> detect_encoding("Старый капитан нашёл фонарь у моста, и незнакомец вернулся домой.".encode("cp1251"))
    'cp1251'
    """
    from charset_normalizer import from_bytes

    # the best match, if there is no other text that fits about as well
    sample = _telling_words(data)
    matches = list(from_bytes(sample, cp_isolation=list(_CANDIDATES))) if sample else []
    if not matches or not _is_certain(matches):
        return None
    same = matches[0].could_be_from_charset
    return next((name.replace("_", "-") for name in _CANDIDATES if name in same and _reads(data, name)), None)


def _telling_words(data: bytes) -> bytes:
    """Return words with bytes beyond ASCII from the beginning of a file; others read the same in all encodings."""
    head = data[:_SAMPLE_BYTES]
    head = head[: head.rfind(b"\n") + 1] or head
    sample = b" ".join(word for word in head.split() if not word.isascii())
    if len(sample) > _DETECTED_BYTES:
        sample = sample[: sample.find(b" ", _DETECTED_BYTES)] if b" " in sample[_DETECTED_BYTES:] else sample
    return sample


def _is_certain(matches: list[CharsetMatch]) -> bool:
    """Return whether the first match is clearly better than the others, which read another text."""
    best, *others = matches
    return best.chaos < _MAX_CHAOS and all(
        match.chaos - best.chaos >= _MAX_CHAOS or best.coherence - match.coherence >= _MIN_LEAD for match in others
    )


def _reads(data: bytes, encoding: str) -> bool:
    """Return whether an encoding reads all of a file, without control characters."""
    try:
        return not _C1_CONTROLS.search(data.decode(encoding))
    except UnicodeError:
        return False


# Text that is decoded wrongly, or was before it was saved


def named_encoding_remarks(data: bytes, encoding: str) -> list[str]:
    """Return what is odd about a file that is read in the encoding that the user names: it seems to be in another one.

    Never a reason to refuse it, because a detector may be wrong.

    >>> russian = "Старый капитан нашёл фонарь у моста, и незнакомец вернулся домой.".encode("cp1251")
    >>> named_encoding_remarks(russian, "latin-1"), named_encoding_remarks(russian, "cp1251")
    (['is read as latin-1 but looks like cp1251: if words look wrong, use --encoding cp1251'], [])
    """
    if data.isascii() or data.startswith(tuple(_BYTE_ORDER_MARKS)) or _is_utf8(data):
        return []  # the named encoding makes no difference
    detected = detect_encoding(data)
    if detected is not None:
        same = data.decode(detected) == data.decode(encoding)
        hint = f"is read as {encoding} but looks like {detected}: if words look wrong, use --encoding {detected}"
        return [] if same else [hint]

    # no other encoding is certain, but this one gives few words
    from charset_normalizer.md import mess_ratio

    words = _telling_words(data).decode(encoding, "ignore")
    hint = f"has odd words when it is read as {encoding}: look at the text with genbench corpora show"
    return [hint] if mess_ratio(words, _MAX_MESS) >= _MAX_MESS else []


def encoding_remarks(text: str | Text) -> list[str]:
    """Return what is odd about the characters of a text."""
    remarks = []
    misread = misread_encoding(text[:_SAMPLE_BYTES])
    if misread:
        remarks.append(
            f"looks like UTF-8 that was read as {misread.replace('_', '-')}, as in Ã© for é; ftfy (pip install ftfy) "
            "repairs such files"
        )
    elif Text(text).search(_C1_CONTROLS):
        remarks.append("has C1 control characters (U+0080 to U+009F): was it cp1252 and read as latin-1?")
    return remarks


def misread_encoding(text: str) -> str | None:
    """Return the encoding in which UTF-8 was read to give this text ("mojibake"); None for a sound text.

    Most characters beyond ASCII then become valid UTF-8 where they are encoded again; in a sound text hardly
    any do, since a byte that starts a character of UTF-8 must be followed by certain others.

    >>> misread_encoding("dÃ©jÃ\xa0 fatiguÃ©, prÃ¨s du chÃ¢teau"), misread_encoding("déjà fatigué, près du château")
    ('cp1252', None)
    """
    runs = _BEYOND_ASCII.findall(text[:_SAMPLE_BYTES])
    for encoding in _MISREAD_AS:
        misread = sum(len(run) for run in runs if _is_misread(run, encoding))
        if misread >= _MIN_MISREAD and 2 * misread > sum(map(len, runs)):
            return encoding
    return None


def _is_misread(run: str, encoding: str) -> bool:
    """Return whether characters become valid UTF-8 where they are encoded again."""
    try:
        # bytes that the encoding does not define became C1 control characters
        data = b"".join(char.encode("latin-1" if "\x80" <= char <= "\x9f" else encoding) for char in run)
        return len(data.decode()) < len(run)
    except UnicodeError:
        return False
