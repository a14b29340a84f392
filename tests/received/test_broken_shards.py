"""Shards that are none, or of something else: measured again, and left where somebody only looks."""

import hashlib

import numpy as np
import pytest

from gradlab import digests, runtime
from gradlab.runs import shards, store
from gradlab.runs.shards import Shards
from gradlab.studies.sweep import results as sweep_results
from tests.cli.calling import contents, gradlab

WRONG = [
    {},
    {"nonfinite": np.zeros(3, np.int32), "adjoint": np.zeros(3)},
    {"nonfinite": np.zeros((2, 2), np.int32)},
    {"nonfinite": np.zeros(2, np.int32)}
    | dict.fromkeys(("adjoint", "transport", "transport_frobenius"), np.zeros((2, 9)))
    | dict.fromkeys(
        ("adjoint_state", "transport_state", "transport_frobenius_state"), np.zeros((2, 9), np.int8)
    ),
]
HEADS = [
    *(b"[" * 10**5, b"{}", b"null", b'"\\ud800"', b"[[1, 2]]", b'[["a", "<f8", [1]]]', b'[["a", {}, []]]'),
    *(b'[["a", "<f8", [99999999999999999999]]]', b'[[{}, "<f8", []]]', b'[["a", "|O", [1]]]'),
]


class TestShards:
    @pytest.mark.parametrize("head", HEADS)
    def test_a_head_that_is_none_is_a_damaged_shard(self, tmp_path, head):
        found = Shards(tmp_path)
        found.put({"a": np.zeros(1)}, cell="x")
        (place,) = found.folder.iterdir()
        body = head + b"\n"
        place.write_bytes(hashlib.sha256(body).digest() + body)
        assert found.get(cell="x") is None
        assert [path.name for path in found.damaged] == [f"{place.stem}.damaged"]

    def test_who_only_looks_leaves_it_where_it_is(self, tmp_path):
        Shards(tmp_path).put({"a": np.zeros(1)}, cell="x")
        (place,) = (tmp_path / shards.FOLDER).iterdir()
        place.write_bytes(b"x")
        before = contents(tmp_path)
        assert Shards(tmp_path, looking=True).get(cell="x") is None
        assert contents(tmp_path) == before

    @pytest.mark.slow
    def test_arrays_that_are_of_something_else_are_measured_again(self, tmp_path):
        words = ("sweep", "--cell", "elman", "--w-rec", "0.5", "-T", "4,5", "--hidden", "2", "--seeds", "2")
        words = (*words, "--out", tmp_path, "--name")
        assert gradlab(*words, "whole").code == 0
        about = sweep_results.read(tmp_path / "whole").about
        for i, wrong in enumerate(WRONG):
            folder = tmp_path / str(i)
            folder.mkdir()
            store.begin(folder, about["settings"], runtime.versions())
            Shards(folder).put(wrong | digests.packed(about["code"]["elman"]), cell="elman", T=4)
            said = gradlab(*words, str(i))
            assert said.code == 0
            assert "a damaged shard was computed again" in said.err
            assert (folder / "norms.nc").read_bytes() == (tmp_path / "whole" / "norms.nc").read_bytes()
