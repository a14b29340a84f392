"""The networks that learn in the page: the sequences, each number of an update, sliders, keys, no scripts."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from gradlab import registry
from gradlab.cells import elman, lstm
from gradlab.lesson import measured, page, training
from gradlab.lesson.languages import ENGLISH
from gradlab.lesson.parts import Chapter
from gradlab.plots import _colors
from tests.lesson.test_live import CLOSE, asked, browser, facts, opening, pytestmark

__all__ = ["browser", "opening", "pytestmark"]
FACTS = facts("c3-learning")
LIVE = "document.querySelector('#c3-learning-live')"
WORDS = f"{LIVE}.querySelector('.told').textContent"
T = 7


@pytest.fixture(scope="module")
def found():
    return training.measure(0)


@pytest.fixture(scope="module")
def said(found):
    figure = training.figure(found)
    return page.html([(3, Chapter("Learning", (), (figure,), ()))], 0, "gradlab lesson 3")


def by_cell(label):
    """Of the cell itself: weights, sequences, classes -> loss, its gradient, the mean |dL/dh_t|."""
    cell = registry.make("cells", label)
    zero = jnp.zeros(training.N, float)

    def loss(weights, moved, xs, y):
        w_rec, w_in, b, w_out, b_out = weights
        if label == "elman":
            params, state = elman.Params(w_in[0][:, None], w_rec[0], b[0]), elman.State(zero)
        else:
            params, state = lstm.Params(w_in[..., None], w_rec, b), lstm.State(zero, zero)

        def body(state, given):
            state = cell.step(params, state, given[0][None])
            return state._replace(h=state.h + given[1]), None

        state, _ = jax.lax.scan(body, state, (xs, moved))
        return jnp.log1p(jnp.exp(-y * (w_out @ state.h + b_out)))

    def mean(weights, moved, xs, classes):
        return jax.vmap(lambda by, x, y: loss(weights, by, x, y))(moved, xs.T, classes).mean()

    def both(weights, xs, classes):
        # What is added to h_t has the gradient dL/dh_t.
        moved = jnp.zeros((xs.shape[1], xs.shape[0], training.N), float)
        value, (by, sent) = jax.value_and_grad(mean, argnums=(0, 1))(tuple(weights), moved, xs, classes)
        return value, by, jnp.linalg.norm(sent * xs.shape[1], axis=2).mean(axis=0)

    return measured.quick(both)


@functools.cache
def learned(label, updates=3):
    """The same updates by the cell and optax: a row an update of loss, gradient and sizes."""
    found, weights = [], tuple(map(jnp.asarray, training.drawn(label, 0)))
    run, adam = by_cell(label), optax.adam(training.RATE)
    state = adam.init(weights)
    for t in range(updates):
        xs, classes = map(jnp.asarray, training.sequences(123456789, t, T))
        value, by, sizes = run(weights, xs, classes)
        found.append((float(value), [np.ravel(part) for part in by], np.asarray(sizes)))
        moved, state = adam.update(by, state)
        weights = optax.apply_updates(weights, moved)
    return found


@pytest.fixture(params=list(training.CELLS))
def wanted(request):
    # optax leaves it to JAX what a number and an integer make.
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        return request.param, learned(request.param)


def test_an_update_in_python_is_the_cell_s(wanted):
    label, rows = wanted
    course = training.trained(training.drawn(label, 0), 123456789, T, len(rows))
    np.testing.assert_allclose(course.loss, [row[0] for row in rows], rtol=1e-10)
    np.testing.assert_allclose(course.sent, [row[2] for row in rows], rtol=1e-10)
    _, by, _ = training.slope(training.drawn(label, 0), *training.sequences(123456789, 0, T))
    for ours, theirs in zip(by, rows[0][1], strict=True):
        np.testing.assert_allclose(np.ravel(ours), theirs, rtol=1e-9, atol=1e-15)


def test_an_update_in_the_page_is_the_cell_s(opening, said, wanted):
    label, rows = wanted
    k = list(training.CELLS).index(label)
    tab = opening(said)
    given = f"{{ ...{FACTS}, salt: 123456789 }}"
    by = asked(tab, f"Training.slope({given}, {FACTS}.cells[{k}], 0, {T}).by.map((part) => [...part])")
    for ours, theirs in zip(by, rows[0][1], strict=True):
        np.testing.assert_allclose(ours, theirs, **CLOSE)
    seen = asked(tab, f"((one) => [0, 1, 2].map(one.at))(Training.course({given}, {FACTS}.cells[{k}], {T}))")
    for ours, (loss, _, sizes) in zip(seen, rows, strict=True):
        np.testing.assert_allclose(ours["loss"], loss, **CLOSE)
        np.testing.assert_allclose(ours["sizes"], sizes, rtol=1e-9, atol=1e-15)


def test_sequences_of_the_page_are_pythons(opening, said, found):
    places = [0, 1, 39, 40, 191_999]
    for salt in (0, found.salt, 2**32 - 1):
        numbers = asked(opening(said), f"{places}.map((k) => Training.uniform({salt}, k))")
        assert numbers == training.uniform(salt, np.array(places)).tolist()
    drawn = training.uniform(found.salt, np.arange(40_000))
    assert 0 <= drawn.min() < 0.001 < 0.999 < drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 0.01
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.02


@pytest.mark.parametrize("updates", [60, pytest.param(training.UPDATES, marks=pytest.mark.slow)])
def test_the_course_is_the_figure_s(opening, said, found, updates):
    tab = opening(said)
    for k, label in enumerate(training.CELLS):
        losses = asked(
            tab,
            f"Training.course({FACTS}, {FACTS}.cells[{k}], {training.T}).losses({updates - 1})",
        )
        np.testing.assert_allclose(losses, found.course[label].loss[:updates], rtol=1e-6, atol=1e-6)


def test_a_hand_moves_it_and_keys_do(opening, said):
    tab = opening(said, width=390)
    assert "Before update 1 of 300. tanh: the loss is 0.6" in tab.run(WORDS)
    tab.run(f"{LIVE}.querySelector('[aria-label=\"Play or pause\"]').focus()")
    tab.key("ArrowRight", 39)
    assert tab.run(WORDS).startswith("Before update 2 of 300.")
    tab.key("Home", 36)
    assert tab.run(WORDS).startswith("Before update 1 of 300.")
    tab.key(" ", 32, " ")
    tab.until(f"Number({WORDS}.match(/\\d+/)[0]) > 3")
    assert tab.run("document.activeElement.textContent") == "Pause"
    tab.key(" ", 32, " ")
    assert tab.run("document.activeElement.textContent") == "Play"
    before = tab.run(WORDS)
    tab.until(f"{LIVE}.querySelector('.aloud').textContent.replaceAll('^', '') === {WORDS}")
    assert tab.run(WORDS) == before
    tab.run(f"{LIVE}.querySelector('input').focus()")
    tab.key("Home", 36)
    tab.until(f"{WORDS}.startsWith('Before update 1 of 300.') && {WORDS}.includes('what step 2 hears')")
    assert tab.run("document.documentElement.scrollWidth") <= 390


def test_play_is_over_at_once_where_motion_is_not_wanted(opening, said, found):
    tab = opening(said)
    tab.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    steps = 4
    tab.run(f"{LIVE}.querySelector('input').focus()")
    tab.key("Home", 36)
    for _ in range(2, steps):
        tab.key("ArrowRight", 39)
    tab.run(f"{LIVE}.querySelector('[aria-label=\"Play or pause\"]').click()")
    words = tab.run(WORDS)
    assert words.startswith("Before update 300 of 300. ")
    # Its verdict is the one of the answer.
    say = ENGLISH.of("training")
    for label, name in training.CELLS.items():
        course = training.trained(found.start[label], found.salt, steps, training.UPDATES)
        assert f" and {say(training._outcome(course))};" in words.split(f"{name}: ")[1].split("step 1")[0]


def test_bars_have_the_colours_of_their_cells_and_grow_with_the_gradient(opening, said, found):
    tab = opening(said)
    bars = f"[...{LIVE}.querySelectorAll('rect')]"
    tab.until(f"{bars}.length === {2 * training.T}")
    high = asked(tab, f"{bars}.map((one) => one.height.baseVal.value)")
    for k, label in enumerate(training.CELLS):
        mine = high[k * training.T : (k + 1) * training.T]
        logs = np.log10(found.course[label].sent[0])
        np.testing.assert_allclose(mine, 66 * np.clip(1 + logs / 10, 0, 1), atol=1e-4)
        wanted = tuple(int(_colors.cell_color(label.partition("(")[0])[at : at + 2], 16) for at in (1, 3, 5))
        color = f"getComputedStyle({bars}[{k * training.T}]).fill"
        assert tab.run(color) == "rgb({}, {}, {})".format(*wanted)


@pytest.mark.slow
def test_without_scripts_only_the_figure_is_there(opening, said):
    tab = opening(said.replace("<details>", "<details open>"), scripts=False)
    assert tab.drawn("#c3-learning-live") == (0, 0)
    assert tab.drawn("#c3-learning .wide svg")[0] > 0
