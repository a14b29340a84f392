"""Shards: what was stored comes back, and anything else is noticed."""

import hashlib
import json
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from gradlab.errors import Exit, GradlabError
from gradlab.runs.shards import TYPES, Shards, pack, unpack

SMALL = {
    "value": np.array([[1.5, np.nan], [-np.inf, -0.0]]),
    "state": np.array([[0, 3], [1, 0]], np.int8),
    "look": np.array(3),
    "nothing": np.zeros((0, 4), np.float32),
}


def same(left, right):
    assert left.keys() == right.keys()
    for name, array in left.items():
        assert (array.dtype, array.shape) == (right[name].dtype, right[name].shape)
        assert array.tobytes() == right[name].tobytes()


def forged(head, rest=b""):
    """A shard with a digest that fits, whatever it says."""
    body = (head if isinstance(head, bytes) else json.dumps(head).encode()) + b"\n" + rest
    return hashlib.sha256(body).digest() + body


def refused(content):
    """Whether `unpack` says so, in the one way it may."""
    try:
        unpack(content)
    except ValueError:
        return True
    return False


stored = arrays_of.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4).flatmap(
    lambda shape: st.sampled_from(TYPES).flatmap(lambda dtype: arrays_of.arrays(np.dtype(dtype), shape))
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(max_size=8), stored, max_size=4))
def test_arrays_come_back_bit_by_bit(arrays):
    same(unpack(pack(arrays)), arrays)


def test_how_an_array_lies_in_memory_changes_no_byte():
    array = np.arange(24.0).reshape(2, 3, 4)
    assert pack({"a": np.asfortranarray(array)}) == pack({"a": array})
    same(unpack(pack({"a": array.T})), {"a": array.T})


@pytest.mark.parametrize("dtype", [object, "U3", "c16", ">f8", "f2", "M8[s]"])
def test_what_could_not_be_read_back_is_not_stored(dtype):
    with pytest.raises(TypeError, match="are not stored"):
        pack({"a": np.zeros(2, dtype)})


def test_a_shard_cut_at_any_byte_or_followed_by_any_is_noticed():
    content = pack(SMALL)
    for length in range(len(content)):
        assert refused(content[:length])
    for tail in (b"\0", b"\n", content):
        assert refused(content + tail)


def test_every_flipped_bit_is_noticed():
    content = pack(SMALL)
    for bit in range(8 * len(content)):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        assert refused(bytes(damaged))


def test_ten_thousand_damages_of_several_bytes_are_noticed():
    content, chosen = pack(SMALL), random.Random(20260101)
    for _ in range(10_000):
        damaged = bytearray(content)
        start = chosen.randrange(len(content))
        damaged[start : start + chosen.randint(1, 64)] = chosen.randbytes(chosen.randint(0, 64))
        if damaged == content:
            continue
        assert refused(bytes(damaged))


@pytest.mark.parametrize(
    ("head", "rest"),
    [
        (b"", b""),
        (b"{", b""),
        (b"3", b""),
        (b"null", b""),
        (b"[3]", b""),
        ([["a", "<f8"]], b""),
        ([["a", "<f8", 3]], b"12345678" * 3),
        ([["a", "<f8", ["3"]]], b"12345678" * 3),
        ([["a", "<f8", [1.0]]], b"12345678"),
        ([["a", "<f8", [True]]], b"12345678"),
        ([["a", "|O", [1]]], b"12345678"),
        ([["a", ["<f8"], [1]]], b"12345678"),
        ([["a", "<f8", [-1]]], b""),
        ([["a", "<f8", [-1, -1]]], b"12345678"),
        ([["a", "<f8", [2]], ["b", "<f8", [-1]]], b"12345678"),
        ([["a", "<f8", [2**62, 4]]], b""),
        ([["a", "<f8", [2**40]]], b"12345678"),
        ([["a", "<f8", [0, 2**80]]], b""),
        ([["a", "<f8", [1]]], b"1234567"),
        ([["a", "<f8", [1]]], b"123456789"),
        ([[3, "<f8", [1]]], b"12345678"),
        ([["a", "<f8", [1]], ["a", "<f8", [1]]], b"12345678" * 2),
        (b"[" * 100_000, b""),
        (b"\xff", b""),
    ],
)
def test_a_forged_head_is_a_value_error_whatever_it_says(head, rest):
    assert refused(forged(head, rest))


class TestShards:
    def test_a_key_finds_its_own_arrays_alone(self, tmp_path):
        shards = Shards(tmp_path)
        assert shards.get(cell="elman", T=5) is None
        shards.put(SMALL, cell="elman", T=5)
        same(shards.get(T=5, cell="elman"), SMALL)
        assert shards.get(cell="elman", T=6) is None
        assert Shards(tmp_path).get(cell="elman", T=5) is not None

    def test_a_damaged_one_is_kept_aside_and_made_again(self, tmp_path):
        shards = Shards(tmp_path)
        shards.put(SMALL, T=5)
        (place,) = shards.folder.iterdir()
        place.write_bytes(place.read_bytes()[:-3])
        assert shards.get(T=5) is None
        assert [path.suffix for path in shards.damaged] == [".damaged"]
        assert shards.damaged[0].read_bytes() == pack(SMALL)[:-3]
        shards.put(SMALL, T=5)
        same(shards.get(T=5), SMALL)
        shards.drop()
        assert list(shards.folder.iterdir()) == shards.damaged

    def test_dropping_leaves_no_folder_and_takes_nothing_of_others(self, tmp_path):
        shards = Shards(tmp_path)
        shards.drop()
        shards.put(SMALL, T=5)
        (shards.folder / ".x.shard.12.tmp").write_bytes(b"half")
        shards.drop()
        assert list(tmp_path.iterdir()) == []
        shards.put(SMALL, T=5)
        (shards.folder / "mine").write_text("mine")
        shards.drop()
        assert [path.name for path in shards.folder.iterdir()] == ["mine"]

    def test_something_in_the_way_is_a_storage_error(self, tmp_path):
        shards = Shards(tmp_path)
        shards.folder.write_text("mine")
        for refused in (lambda: shards.get(T=5), lambda: shards.put(SMALL, T=5)):
            with pytest.raises(GradlabError) as caught:
                refused()
            assert caught.value.code is Exit.STORAGE
        assert shards.folder.read_text() == "mine"
