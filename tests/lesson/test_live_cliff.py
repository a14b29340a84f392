"""The cliff under a hand: the page's numbers against Python's, sliders, keys, and a page without scripts."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab.lesson import cliff, page
from gradlab.lesson.parts import Chapter
from tests.lesson.test_live import CLOSE, asked, browser, facts, opening, pytestmark
from tests.lesson.test_sentences import WALK, walked

__all__ = ["browser", "opening", "pytestmark"]
FACTS = facts("c4-cliff")
WORDS = "document.querySelector('#c4-cliff-live .told').textContent"


@pytest.fixture(scope="module")
def said():
    """The chapter's first figure; what the page computes depends on no seed."""
    told = cliff.tell(walked(WALK, WALK), 0)
    return page.html([(4, Chapter("The cliff", (), told.figures[:1], ()))], 0, "gradlab lesson 4")


def slopes(places):
    with jax.enable_x64(True):
        return np.asarray(cliff._slopes(cliff.STEPS)(jnp.asarray(places, float)))


def test_derivatives_are_those_of_automatic_differentiation(opening, said):
    rng = np.random.default_rng(1)
    places = np.stack([rng.uniform(*cliff.W_RANGE, 200), rng.uniform(*cliff.B_RANGE, 200)], axis=1)
    places[:50, 1] = [cliff.wall(w) for w in places[:50, 0]] + rng.uniform(-0.03, 0.03, 50)
    script = f"{places.tolist()}.map(([w, b]) => Cliff.error({FACTS}, w, b)).map((e) => [e.w, e.b])"
    np.testing.assert_allclose(asked(opening(said), script), slopes(places), **CLOSE)


@pytest.mark.parametrize(("rate", "limit"), [(cliff.RATE, cliff.LIMIT), (0.4, 0.05), (0.01, None)])
def test_every_step_of_a_walk_is_pythons(opening, said, rate, limit):
    """Held from each place to the next: over the cliff roundings grow from step to step."""
    script = (
        f"Cliff.walk({FACTS}, {rate}, {'Infinity' if limit is None else limit}).map((p) => [p.w, p.b, p.E])"
    )
    found = np.array(asked(opening(said), script))
    assert found.shape == (cliff.MOVES + 1, 3)
    np.testing.assert_allclose(found[0, :2], (cliff.AT, cliff.wall(cliff.AT) + cliff.BESIDE), rtol=1e-12)
    slope = slopes(found[:, :2])
    size = np.linalg.norm(slope, axis=1, keepdims=True)
    moved = found[:, :2] - rate * slope * (1 if limit is None else np.minimum(1, limit / size))
    np.testing.assert_allclose(found[1:, :2], moved[:-1], rtol=1e-7, atol=1e-7)
    with jax.enable_x64(True):
        errors = [float(cliff._error(jnp.asarray(place), cliff.STEPS)) for place in found[::50, :2]]
    np.testing.assert_allclose(found[::50, 2], errors, **CLOSE)


def test_a_hand_moves_it_and_keys_do(opening, said):
    tab = opening(said, width=390)
    assert "Step 0 of 200. Plain: w = 5, b = −2.58, E = 0.0146. Clipped: w = 5," in tab.run(WORDS)
    tab.run("document.querySelector('#c4-cliff-live [aria-label=\"One step on\"]').click()")
    before = tab.run(WORDS)
    assert before.startswith("Step 1 of 200. Plain: ")
    tab.run("document.querySelectorAll('#c4-cliff-live input')[1].focus()")
    for _ in range(20):
        tab.key("ArrowLeft", 37)
    tab.until(f"{WORDS} !== {before!r}")
    after = tab.run(WORDS)
    # The threshold moves the clipped walk alone.
    assert after.partition(" Clipped")[0] == before.partition(" Clipped")[0]
    assert (
        tab.run("document.querySelectorAll('#c4-cliff-live input')[1].getAttribute('aria-valuetext')")
        == "0.05"
    )
    assert tab.run("document.documentElement.scrollWidth") <= 390


def test_play_is_over_at_once_where_motion_is_not_wanted(opening, said):
    tab = opening(said)
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    tab.run("document.querySelector('#c4-cliff-live [aria-label=\"Play or pause\"]').click()")
    assert tab.run(WORDS).startswith("Step 200 of 200. ")


@pytest.mark.slow
def test_without_scripts_only_the_figure_is_there(opening, said):
    tab = opening(said.replace("<details>", "<details open>"), scripts=False)
    assert tab.drawn("#c4-cliff-live") == (0, 0)
    assert tab.drawn("#c4-cliff .wide svg")[0] > 0
