"""Chapter 6: the bias is held when gates are counted, and gates are held when the bias is moved."""

import jax
import numpy as np
import pytest

from gradlab import registry
from gradlab.lesson import variants
from gradlab.studies.sweep import drawing
from tests.lesson.told import SEEDS, numbers, said


class TestVariants:
    """Chapter 6: the bias is held when gates are counted, and gates are held when the bias is moved."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("variants", seed)
        told = said(variants.tell(found, seed))
        assert "networks LSTM, bias 3 carries farthest" in told
        assert "one could tell which, but not how far it carries" in told
        assert "the bias changes the rate more than a gate does" in told
        assert all(cell.path[-1] < cell.whole[-1] for cell in found.cells.values())
        assert "slowest fading" not in told

    def test_gates_are_counted_without_the_candidate(self):
        """i, f, o; two of them where i = 1 - f; reset and update."""
        counted = {label: cell.gates for label, cell in numbers("variants").cells.items()}
        assert counted == {
            "lstm": 3, "peephole_lstm": 3, "coupled_lstm": 2, "gru": 2,
            "lstm(forget_bias=0.0)": 3, "lstm(forget_bias=3.0)": 3,
        }  # fmt: skip

    def test_what_is_compared_differs_in_one_thing(self):
        """The keeping gate's bias, read from the parameters of each cell."""
        with jax.enable_x64(True):
            drawn = drawing.draw(variants.grid(0))
        kept = {}
        for label in variants.CELLS:
            cell = registry.make("cells", label)
            params = drawn[label][0].params
            kept[label] = float(np.asarray(params.b)[0, list(cell.gates).index(cell.carry_gate), 0])
        assert kept["lstm"] == kept["peephole_lstm"] == kept["coupled_lstm"] == 1
        assert kept["gru"] == kept["lstm(forget_bias=0.0)"] == 0
        assert kept["lstm(forget_bias=3.0)"] == 3
