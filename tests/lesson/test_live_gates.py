"""The gates of the LSTM under a hand: the page's numbers against the cell `lstm`, sliders and keys."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.cells.lstm import Params, State
from gradlab.lesson import page, valves
from gradlab.lesson.parts import Chapter
from tests.lesson.test_live import CLOSE, asked, browser, facts, opening, pytestmark

__all__ = ["browser", "opening", "pytestmark"]
FACTS = facts("c6-valves")
WORDS = "document.querySelector('#c6-valves-live .told').textContent"


@pytest.fixture(scope="module")
def measured():
    return valves.measure(0)


@pytest.fixture(scope="module")
def said(measured):
    return page.html([(6, Chapter("Gates", (), (valves.figure(measured),), ()))], 0, "gradlab lesson 6")


def stepped(c, g, f, i, o):
    """New c and h, dc'/dc, dc'/dg and dh'/dc' of the cell, its gates and candidate set by their biases."""
    cell = registry.make("cells", "lstm")
    logit = lambda p: np.log(p / (1 - p))

    def step(before, candidate):
        b = jnp.stack(
            [jnp.asarray(logit(i)), jnp.asarray(logit(f)), jnp.arctanh(candidate), jnp.asarray(logit(o))]
        )
        params = Params(jnp.zeros((4, 1, 1)), jnp.zeros((4, 1, 1)), b[:, None])
        after = cell.step(params, State(jnp.zeros(1), before[None]), jnp.zeros(1))
        return after.c[0], after.h[0]

    with jax.enable_x64(True):
        at = jnp.asarray(c, float), jnp.asarray(g, float)
        (c_by_c, c_by_g), (h_by_c, _) = jax.jacobian(step, argnums=(0, 1))(*at)
        after = step(*at)
        return [*map(float, (*after, c_by_c, c_by_g, h_by_c / c_by_c))]


def test_a_step_is_the_cell_s_and_its_ways_back_are_automatic_differentiation(opening, said):
    cases = [
        dict(zip("cgfio", case, strict=True))
        for case in itertools.product((-1.5, 0.3), (-0.9, 0.2), (0.05, 0.97), (0.5, 0.99), (0.01, 0.8))
    ]
    script = f"{cases}.map((k) => Gates.step(k, k)).map((s) => [s.c, s.h, s.kept, s.written, s.shown])"
    found = asked(opening(said), script.replace("'", ""))
    np.testing.assert_allclose(found, [stepped(**case) for case in cases], **CLOSE)


def test_from_word_to_word_it_is_the_trained_unit(opening, said, measured):
    tab = opening(said)
    before = "c: t ? steps[t - 1].c : 0"
    script = f"(({{ steps }}) => steps.map((s, t) => Gates.step({{ {before}, g: s.g }}, s).c))({FACTS})"
    np.testing.assert_allclose(asked(tab, script), [row[3] for row in measured.walk], **CLOSE)


def test_a_hand_moves_it_and_keys_do(opening, said):
    tab = opening(said, width=390)
    assert "Word 1 of 9, boy: c goes from 0 to 0.87" in tab.run(WORDS)
    tab.run("document.querySelector('#c6-valves-live [aria-label=\"One step on\"]').click()")
    assert "Word 2 of 9, sees: c goes from 0.87 to 0.84" in tab.run(WORDS)
    before = tab.run(WORDS)
    tab.run("document.querySelector('#c6-valves-live input').focus()")
    for _ in range(20):
        tab.key("ArrowLeft", 37)
    tab.until(f"{WORDS} !== {before!r}")
    assert "0.77 goes back to the old c" in tab.run(WORDS)
    assert tab.run("document.documentElement.scrollWidth") <= 390


def test_without_scripts_only_the_table_is_there(opening, said):
    tab = opening(said.replace("<details>", "<details open>"), scripts=False)
    assert tab.drawn("#c6-valves-live") == (0, 0)
    assert tab.drawn("#c6-valves table")[0] > 0
