"""Encodings: byte order marks, named encodings, what is suggested and what is not, and text decoded wrongly."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genbench.corpus.encoding import decode, detect_encoding, encoding_remarks, misread_encoding, require_encoding
from genbench.corpus.loading import load_corpus
from genbench.errors import CorpusError

any_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))

ENGLISH = "“The miller hid the lantern,” she said — “and it’s late…” Nobody ‘answered’ her. " * 8
GERMAN = "Der Müller hörte die Glocken läuten und ging über die Brücke, während draußen der Schnee fiel. " * 4
RUSSIAN = "Старый капитан нашёл фонарь у моста, и незнакомец вернулся домой до ужина. " * 4
CZECH = "Mlynář uviděl mapu v dešti. Cizinec zapomněl kolo před večeří. Starý kapitán našel lucernu u mostu. " * 4
JAPANESE = "粉屋は雨の中で地図を見た。見知らぬ人は夕食の前に車輪を忘れた。"


# byte order marks and UTF-8


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
def test_decode_utf8_with_and_without_byte_order_mark(mark):
    assert decode(mark + "naïve – 🙂".encode()) == "naïve – 🙂"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("named", [None, "cp1252"])
def test_a_byte_order_mark_decides(encoding, named):
    assert decode("naïve – 🙂".encode(encoding), named) == "naïve – 🙂"
    assert decode(codecs.BOM_UTF16_BE + "naïve".encode("utf-16-be"), named) == "naïve"


@given(any_text)
def test_decode_inverts_encoding(text):
    plain = "".join(char for char in text if char.isprintable()).removeprefix("\ufeff")
    assert decode(plain.encode()) == plain


@pytest.mark.parametrize(
    ("data", "encoding", "message"),
    [
        (b"caf\xe9 au lait", None, "b.txt is not UTF-8 at byte 3; its encoding cannot be detected with certainty"),
        (b"\x7fELF\x00\x01\x02", None, "b.txt is binary"),
        (b"\x7fELF\x00\x01\x02", "latin-1", "b.txt is binary"),
        (bytes(range(1, 32)) * 3, None, "b.txt is binary"),
        ("words and words".encode("utf-16-le"), None, "b.txt is UTF-16-LE without a byte order mark; add --encoding"),
        ("words and words".encode("utf-16-be"), None, "b.txt is UTF-16-BE"),
        (RUSSIAN.encode("utf-16-le"), None, "b.txt is UTF-16-LE"),
        (codecs.BOM_UTF16_LE + b"a", None, "b.txt is not utf-16 at byte 2; its byte order mark says that it is"),
        ("Старый капитан и я".encode()[:-1], None, "b.txt is not UTF-8 at byte 31; most of it is UTF-8, so"),
        ("Старый капитан и я".encode() + b"\xff", "cp1252", "b.txt is not cp1252 at byte 32; most of it is UTF-8"),
        (b"caf\x9d au lait", "cp1252", "b.txt is not cp1252 at byte 3; its encoding"),
    ],
)  # fmt: skip
def test_data_that_cannot_be_decoded_is_refused_in_one_sentence(data, encoding, message):
    with pytest.raises(CorpusError) as caught:
        decode(data, encoding, "b.txt")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


# named encodings


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(ENGLISH, "cp1252"), (RUSSIAN, "koi8-r"), (RUSSIAN, "utf-16-le"), (JAPANESE, "iso2022_jp"), (JAPANESE, "cp932")],
)
def test_a_named_encoding_is_used(text, encoding):
    assert decode(text.encode(encoding), encoding) == text


def test_utf8_is_read_as_such_whatever_is_named():
    assert decode(RUSSIAN.encode(), "cp1251") == RUSSIAN


def test_latin_1_never_gives_control_characters():
    with pytest.raises(
        CorpusError, match=r"has control characters \(U\+0093\) .* read as latin-1; .* --encoding cp1252"
    ):
        decode(ENGLISH.encode("cp1252"), "latin-1", "b.txt")
    assert decode(GERMAN.encode("latin-1"), "latin-1") == GERMAN


@pytest.mark.parametrize("encoding", ["cp12520", "base64", "rot13", "", "utf 8\0"])
def test_an_unknown_encoding_is_refused(encoding):
    with pytest.raises(CorpusError, match=r"encoding is .*, but must be a text encoding of Python, such as cp1252"):
        require_encoding(encoding)


# suggestions


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (ENGLISH, "cp1252"),
        (GERMAN, "cp1252"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (RUSSIAN, "cp866"),
        (JAPANESE, "cp932"),
        (JAPANESE, "euc-jp"),
    ],
)
def test_the_encoding_is_suggested(text, encoding):
    data = text.encode(encoding)
    assert detect_encoding(data) == encoding
    with pytest.raises(CorpusError, match=f"it seems to be {encoding}: add --encoding {encoding} to the command"):
        decode(data)


@pytest.mark.parametrize("prose", ["", "The miller hid the lantern, and nobody saw the stranger on the bridge. " * 300])
def test_plain_words_do_not_hide_the_others(prose):
    assert detect_encoding((prose + ENGLISH + prose).encode("cp1252")) == "cp1252"


@pytest.mark.parametrize(
    "data", [CZECH.encode("cp1250"), CZECH.encode("iso8859-2"), b"caf\xe9", bytes(range(128, 256))]
)
def test_no_encoding_is_suggested_without_certainty(data):
    assert detect_encoding(data) is None


# text that was decoded wrongly


@pytest.mark.parametrize("encoding", ["cp1252", "cp1251", "mac_roman"])
@pytest.mark.parametrize("text", [GERMAN, RUSSIAN, JAPANESE, CZECH])
def test_utf8_that_was_read_in_another_encoding_is_noticed(text, encoding):
    misread = "".join(bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in text.encode())
    assert misread_encoding(misread) == encoding
    assert any("looks like UTF-8 that was read as" in remark for remark in encoding_remarks(misread))


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, RUSSIAN, JAPANESE, CZECH, "« Où ? » ¿Él?  ¡Ñandú! Ã é ÃÃ â€"])
def test_sound_text_is_not_noticed(text):
    assert encoding_remarks(text) == []


@pytest.mark.parametrize(
    ("text", "encoding", "named", "remark"),
    [
        (RUSSIAN, "cp1251", "latin-1", "is read as latin-1 but looks like cp1251: if words look wrong, use --encoding"),
        (RUSSIAN, "koi8-r", "cp1251", "is read as cp1251 but looks like koi8-r"),
        (GERMAN, "mac_roman", "cp1252", "is read as cp1252 but looks like mac-roman"),
        (CZECH, "iso8859-2", "koi8-r", "has odd words when it is read as koi8-r"),
        (RUSSIAN, "cp1251", "cp1251", None),
        (GERMAN, "latin-1", "latin-1", None),
        (CZECH, "cp1250", "cp1250", None),
        (CZECH, "iso8859-2", "iso8859-2", None),
        (JAPANESE, "cp932", "shift_jis", None),
        (RUSSIAN, "utf-8", "latin-1", None),  # read as UTF-8
    ],
)
def test_text_that_looks_wrong_in_the_named_encoding_is_noticed(text, encoding, named, remark, tmp_path):
    file = tmp_path / "book.txt"
    file.write_bytes((text + "\n\n").encode(encoding) * 40)
    notes = load_corpus(file, encoding=named, lines="keep").notes
    assert [note.startswith(remark) for note in notes] == ([True] if remark else [])


def test_control_characters_in_utf8_are_noticed():
    assert "was it cp1252 and read as latin-1?" in encoding_remarks("it\x92s late")[0]
