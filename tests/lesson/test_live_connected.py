"""Who hears the error of which step: the page's numbers are the probe `error_flow`'s, and a hand chooses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from gradlab import registry
from gradlab.lesson import connected, measured, page, variants
from gradlab.lesson.parts import Chapter, Figure, Table
from gradlab.probes.error_flow import error_flow
from gradlab.recurrence.objectives import objective
from gradlab.recurrence.scaled import log10_norm
from gradlab.types import ProbeContext
from tests.lesson.test_live import asked, browser, facts, opening, pytestmark

__all__ = ["browser", "opening", "pytestmark"]
FACTS = facts("c6-variants")
WORDS = "document.querySelector('#c6-variants-live .told').textContent"
GRID = variants.grid(0)


@pytest.fixture(scope="module")
def found():
    return connected.measure(GRID)


@pytest.fixture(scope="module")
def said(found):
    shown = Figure(
        "variants", "t", "q", Table(("a",), (("1",),)), "", "gradlab lesson 6", connected.live(found)
    )
    return page.html([(6, Chapter("Who hears", (), (shown,), ()))], 0, "gradlab lesson 6")


@pytest.mark.ends
@pytest.mark.parametrize("label", connected.CELLS)
def test_it_is_what_error_flow_measures(opening, said, label):
    networks = measured.networks(dataclasses.replace(GRID, cell=tuple(connected.CELLS)))
    network = {spec: one for (spec, _, _), one in networks.items()}[label]
    steps = 12
    with jax.enable_x64(True):
        cell = registry.make("cells", label)
        zeros = lambda key, n: jnp.zeros((n, n))
        state = cell.init(jax.random.key(0), 1, variants.N, 1.0, zeros)[1]
        flat, shaped = ravel_pytree(state)
        u = np.zeros(flat.size)
        u[network.parts["h"]] = variants.N**-0.5
        setup = ProbeContext(objective("unit", shaped(jnp.asarray(u)), cell.readout), None, steps, cell=cell)
        run = jax.jit(lambda p, s, xs: error_flow(cell.step, p, s, xs, setup).error_flow)
        logs = np.asarray(
            log10_norm(run(jax.tree.map(jnp.asarray, network.params), state, network.xs[:steps]))
        )
    page_has = asked(opening(said), f"{FACTS}.cells.find((c) => c.name === '{connected.CELLS[label]}').logs")
    for t in range(1, steps + 1):
        np.testing.assert_allclose(page_has[t - 1], logs[t - 1, :t], rtol=0, atol=1e-9)


def test_steps_heard_are_counted_back_without_a_gap(opening, said):
    tab = opening(said)
    cases = [[-4, -2, -1, 0], [-1, -4, -1, 0], [-1, -1, -1, 0], [None, 0], [0]]
    text = str(cases).replace("None", "null")
    assert asked(tab, f"{text}.map(Connected.heard)") == [2, 1, 3, 0, 0]
    assert asked(tab, "[0, 1, -3, -6, -9, null].map(Connected.shade)") == [1, 1, 0.5, 0, 0, 0]


def test_a_hand_chooses_a_step(opening, said, found):
    tab = opening(said, width=390)
    assert tab.run(WORDS).startswith("An error at step 40 reaches step 1 as ")
    tab.run("document.querySelector('#c6-variants-live input').focus()")
    tab.key("ArrowLeft", 37)
    tab.until(f"{WORDS}.startsWith('An error at step 39 reaches')")
    tab.run("window.svg = document.querySelector('#c6-variants-live svg')")
    tab.run("window.place = svg.getBoundingClientRect()")
    at = "{ bubbles: true, clientX: place.left + 60, clientY: place.top + 20 }"
    tab.run(f"svg.dispatchEvent(new PointerEvent('pointermove', {at}))")
    tab.until(f"!{WORDS}.includes('step 39')")
    assert tab.run("document.documentElement.scrollWidth") <= 390


def test_without_scripts_only_the_figure_is_there(opening, said):
    tab = opening(said.replace("<details>", "<details open>"), scripts=False)
    assert tab.drawn("#c6-variants-live") == (0, 0)
