"""The text: how it is divided, its symbols, and what is refused."""

import os
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from gradlab.errors import GradlabError
from gradlab.studies.neurons import corpus, standard

LINE = "It was a bright cold day, and the clocks were striking 13.\n"


def refused(path):
    with pytest.raises(GradlabError) as told:
        corpus.read(str(path), "standard")
    assert told.value.code == 2
    return str(told.value)


def folder(home, sizes):
    for name, count in sizes.items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} " + LINE * count)
    return home


def test_one_file_is_held_out_by_its_end_and_no_character_is_lost(tmp_path):
    path = tmp_path / "a.txt"
    text = "".join(f"{i} {LINE}" for i in range(300))
    path.write_text(text)
    found = corpus.read(str(path), "standard")
    assert "".join(found.part(part) for part in corpus.PARTS) == text
    shares = [len(found.part(part)) / len(text) for part in corpus.PARTS]
    np.testing.assert_allclose(shares, (0.8, 0.1, 0.1), atol=0.02)
    # Cut where a line ends.
    assert found.part("train").endswith("\n")
    assert found.part("validation").endswith("\n")
    assert found.kind == "text"


def test_files_of_a_folder_are_held_out_whole(tmp_path):
    home = folder(tmp_path, {f"{i}.txt": 10 + i for i in range(40)} | {".hidden/x.txt": 900})
    (home / "picture.bin").write_bytes(b"\0" * 9000)
    found = corpus.read(str(home), "standard")
    names = [{found.files[one.file].name for one in found.parts[part]} for part in corpus.PARTS]
    assert set.union(*names) == {f"{i}.txt" for i in range(40)}
    assert sum(map(len, names)) == 40
    whole = sum(len(one.content) for one in found.files)
    for part in ("validation", "test"):
        assert 0.05 < len(found.part(part)) / whole < 0.25
    # A further file moves no other from part to part by its place alone.
    assert corpus.read(str(home), "standard").digest == found.digest


def test_a_folder_with_one_file_that_is_most_of_it_is_divided_by_place(tmp_path):
    home = folder(tmp_path, {"large.txt": 500, "b.txt": 5, "c.txt": 5})
    found = corpus.read(str(home), "standard")
    assert len(found.part("test")) > 0.05 * sum(len(one.content) for one in found.files)


def test_codes_are_places_in_the_vocabulary_and_rare_symbols_share_one(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(LINE * 4000 + "ß" + LINE * 1000, encoding="utf-8")
    found = corpus.read(str(path), "standard")
    assert corpus.OTHER in found.vocabulary
    assert "ß" not in found.vocabulary
    text, codes = found.part("test"), found.codes("test")
    assert "".join(found.vocabulary[code] for code in codes) == text.replace("ß", corpus.OTHER)
    assert list(found.vocabulary) == sorted(set(found.vocabulary))


def test_line_ends_of_all_kinds_are_one_character(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(("\ufeff" + LINE * 200).replace("\n", "\r\n").encode())
    found = corpus.read(str(path), "standard")
    assert found.files[0].content == LINE * 200


def test_the_digest_is_of_the_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(LINE * 200)
    first = corpus.read(str(path), "standard").digest
    path.write_text(LINE * 199 + LINE.upper())
    assert corpus.read(str(path), "standard").digest != first


def test_the_standard_library_is_read_by_file_and_its_lists_do_not_overlap():
    home = Path(sysconfig.get_paths()["stdlib"])
    every = [*standard.TRAINED, *standard.VALIDATED, *standard.HELD_OUT]
    assert len(every) == len(set(every))
    assert sum((home / f"{name}.py").is_file() for name in every) >= 0.95 * len(every)
    assert not any(name.split("/")[-1].startswith("test") or "/test" in name for name in every)
    found = corpus.read("", "standard")
    assert found.kind == "python"
    assert len(found.part("train")) > 3_000_000
    assert len(found.vocabulary) < 128


class TestRefusals:
    def test_what_is_not_there(self, tmp_path):
        assert "is not there" in refused(tmp_path / "no.txt")

    def test_an_empty_and_a_tiny_text(self, tmp_path):
        path = tmp_path / "a.txt"
        for text in ("", "abc\n" * 100):
            path.write_text(text)
            assert f"has {len(text)} characters; at least" in refused(path)

    def test_an_empty_folder(self, tmp_path):
        assert "holds no file of text" in refused(tmp_path)

    def test_a_binary_file_by_its_first_zero(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_bytes(b"abc\n" * 3000 + b"\0" + b"abc\n" * 3000)
        assert "is a binary file: byte 12000 is 0" in refused(path)

    def test_an_error_of_encoding_by_its_place(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_bytes(b"abc\n" * 3000 + b"\xff" + b"abc\n" * 3000)
        assert "is not UTF-8 at byte 12000 (line 3001)" in refused(path)

    def test_a_line_without_end(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("ab " * 400_000)
        assert "has a line of 1200000 characters" in refused(path)

    def test_one_symbol(self, tmp_path):
        path = tmp_path / "a.txt"
        path.write_text("a" * 20_000)
        assert "holds 1 symbol in its training part" in refused(path)

    def test_a_pipe_is_not_waited_for(self, tmp_path):
        os.mkfifo(tmp_path / "pipe")
        assert "regular files" in refused(tmp_path / "pipe")
