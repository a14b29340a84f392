"""The words by which kept programs are found: the same in every process, and others for any other value."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from gradlab import programs, registry
from gradlab.programs import Unspelled, spelled


def plain(name: str) -> object:
    return registry.make("cells", name)


@dataclasses.dataclass(frozen=True)
class Holding:
    """Of the tests, so not gradlab's."""

    value: int = 0


def test_words_tell_any_two_values_apart() -> None:
    some = [
        *(0, False, 0.0, "0", b"0", None, (), [], {}, (0,), [0], {0: 0}, frozenset({0})),
        *((0, (0,)), ((0,), 0), np.float32(0), np.float64(0), np.dtype("f4")),
        *(np.zeros(1), np.zeros((1, 1)), np.zeros(1, np.float32)),
        *(float, np.float32, 1.0, 1 + 2**-52, -0.0, float("nan"), float("inf"), "a', 'b", ("a", "b")),
        *map(plain, ["elman", "elman(activation=relu)", "lstm", "lstm(forget_bias=2)", "gru", "stacked"]),
        *map(plain, ["residual(skip=2)", "residual(skip=3)", "residual(cell=lstm)"]),
    ]
    words = [spelled(one) for one in some]
    assert len(set(words)) == len(words)
    assert words == [spelled(one) for one in some]


def test_what_is_made_of_a_file_that_may_be_edited_has_no_words(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("abc" * 40)
    task = registry.make("tasks", f"characters(text={tmp_path / 'text'})")
    with pytest.raises(Unspelled):
        spelled(task)
    assert spelled(registry.make("tasks", "characters"))


@pytest.mark.parametrize("spec", ["residual(cell=tests.brought:Drip)", "layer_norm(cell=tests.brought:Drip)"])
def test_nor_has_a_cell_of_ours_around_one_that_users_bring(spec: str) -> None:
    """Its file may be edited, too."""
    with pytest.raises(Unspelled):
        spelled(registry.make("cells", spec))


def test_words_of_code_tell_functions_of_one_line_apart() -> None:
    made = [programs._code((lambda x: x + 1).__code__), programs._code((lambda x: x + 2).__code__)]
    assert made[0] != made[1]


@pytest.mark.parametrize("value", [object(), Holding(), Holding, test_words_tell_any_two_values_apart])
def test_what_hides_what_it_holds_has_no_words(value: object) -> None:
    with pytest.raises(Unspelled):
        spelled(value)
