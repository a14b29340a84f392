"""A text as inputs: each character one-hot, in an alphabet that is said."""

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.series import inputs
from gradlab.series import text as characters

TEXT = "abba, b.\r\nä a\n"
PLAIN = "abba, b.\nä a\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s.txt").write_bytes(TEXT.encode())
    return tmp_path / "s.txt"


def test_each_character_is_the_column_of_its_symbol(place):
    found = inputs.read(place, "", "none")
    assert found.names == tuple("\n ,.abä")
    assert found.rows == len(PLAIN)
    by_hand = np.array([[float(one == symbol) for symbol in found.names] for one in PLAIN])
    np.testing.assert_array_equal(found.cut([0, 3], 9), [by_hand[:9], by_hand[3:12]])
    assert found.deviation == pytest.approx(np.sqrt(by_hand.var(axis=0).mean()), rel=1e-12)
    said = "one-hot in an alphabet of 7: '\\n ,.ab\\xe4'"
    assert found.said == f"inputs are the characters of {place}, {said}"


def test_an_alphabet_of_ones_own_has_its_order(place, tmp_path):
    (tmp_path / "order.txt").write_text("ba\ufffd")
    found = inputs.of_text(place, "", "none", "order.txt")
    assert found.names == ("b", "a", "\ufffd")
    assert found.values.tolist() == ["ba".find(one) if one in "ba" else 2 for one in PLAIN]
    assert "\ufffd stands for all others" in found.said


def test_rare_characters_share_a_symbol(tmp_path):
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 300)))
    (tmp_path / "s.txt").write_text(many * 2 + "ab" * 9)
    found = inputs.read(tmp_path / "s.txt", "", "none")
    assert len(found.names) == characters.SYMBOLS + 1
    assert {"a", "b", characters.OTHER} < set(found.names)


REFUSED = {
    "columns": (PLAIN.encode(), ("a", "none"), r"^--columns: .*s\.txt is a text, of which every character"),
    "scale": (
        PLAIN.encode(),
        ("", "standard"),
        r"^--scale: .*s\.txt is a text, whose characters are 0 and 1",
    ),
    "one": (b"aaaa", ("", "none"), r"s\.txt: holds 1 symbols; a text of at least two is needed"),
    "none": (b"", ("", "none"), r"s\.txt: holds 0 symbols; a text of at least two is needed"),
    "binary": (b"a\0b", ("", "none"), r"s\.txt: is a binary file: byte 1 is 0; name a text"),
    "latin": (b"ab\n\xe4", ("", "none"), r"s\.txt: is not UTF-8 at byte 3 \(line 2\); save it as UTF-8"),
    "strange": (
        b"ab\nac",
        ("", "none", "ab\n"),
        r"s\.txt:line 2, column 2: holds 'c', which is not in order\.txt; add",
    ),
    "twice": (b"ab", ("", "none", "aba"), r"^order\.txt: holds 'a' twice; an alphabet is at least two"),
    "short": (b"ab", ("", "none", "a"), r"^order\.txt: holds 1 symbols; an alphabet is at least two"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_fault_is_one_line(place, what):
    content, (columns, scale, *alphabet), said = REFUSED[what]
    place.write_bytes(content)
    if alphabet:
        (place.parent / "order.txt").write_text(alphabet[0])
    with pytest.raises(GradlabError, match=said) as caught:
        inputs.of_text(place, columns, scale, "order.txt" if alphabet else "")
    assert (caught.value.code, "\n" in str(caught.value)) == (2, False)
