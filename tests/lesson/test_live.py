"""What the page computes under a hand, beside Python: a real browser is asked for the numbers."""

import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import registry
from gradlab.cells import elman
from gradlab.lesson import measured, page, sent_back
from gradlab.recurrence.forward import with_jacobian
from tests.report.browser import Browser, Tab, found

pytestmark = pytest.mark.skipif(
    found() is None, reason="no Chromium found; install one or name it in GRADLAB_BROWSER"
)
CLOSE = {"rtol": 1e-9, "atol": 1e-9}
"""The lesson promises 1e-6; these numbers are not near anything that would need it."""


def said(told):
    """The chapter with what is alive, and the page of it."""
    return page.html([(2, told)], 0, "gradlab lesson 2")


@functools.cache
def sent():
    return sent_back.measure(0)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    opened = Browser(found(), tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@pytest.fixture
def opening(browser, tmp_path):
    """Opens a page of chapters, everything in it unfolded, and closes it after the test."""
    tabs = []

    def opened(text, **settings):
        (tmp_path / "lesson.html").write_text(text, encoding="utf-8")
        tabs.append(Tab(browser, tmp_path / "lesson.html", **settings))
        if settings.get("scripts", True):
            tabs[-1].run("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        return tabs[-1]

    yield opened
    for tab in tabs:
        tab.close()


def asked(tab, script):
    """Numbers from the page; JSON has no infinities."""
    return json.loads(tab.run(f"JSON.stringify({script})"))


def facts(name):
    return f"JSON.parse(document.getElementById('{name}-live-facts').textContent)"


def jacobians(params, xs):
    """dh_t/dh_{t-1} of a tanh network at every step, by automatic differentiation."""
    cell, state = registry.make("cells", "elman"), elman.State(jnp.zeros(len(params.b), float))
    at = with_jacobian(cell.step, params, state, xs[0])
    return np.asarray(jax.jit(lambda xs: jax.lax.scan(lambda s, x: at(s, x), state, xs)[1])(xs))


class TestPowers:
    def test_as_it_opens_it_has_the_lines_of_the_chapter(self, opening):
        tab = opening(said(sent_back.tell(sent(), 0)))
        lines = asked(tab, f"Powers.lines({facts('c2-scalar')}, 1, {sent_back.T})")
        np.testing.assert_allclose(lines["one"], sent().tanh[1.0], **CLOSE)
        np.testing.assert_allclose(lines["many"], sent().matrix["elman", "gaussian"][0], **CLOSE)

    @pytest.mark.parametrize(("w", "T"), [(0.5, 200), (1.37, 40)])
    def test_at_any_w_and_t_it_is_automatic_differentiation(self, opening, w, T):
        given = sent().unit_gain
        tab = opening(said(sent_back.tell(sent(), 0)))
        lines = asked(tab, f"Powers.lines({facts('c2-scalar')}, {w}, {T})")
        np.testing.assert_allclose(lines["law"], np.arange(T + 1) * math.log10(w), **CLOSE)
        with jax.enable_x64(True):
            for name in ("one", "many"):
                W, U = (jnp.asarray(given[name][part], float) for part in "WU")
                params = elman.Params(U[:, None], w * W, jnp.zeros(len(U), float))
                found = jacobians(params, jnp.asarray(given["xs"][:T], float)[:, None])
                wanted = measured.transport(measured.Network(found, {}, slice(None)))
                np.testing.assert_allclose(lines[name], wanted, **CLOSE)

    def test_a_hand_moves_it_and_keys_do(self, opening):
        tab = opening(said(sent_back.tell(sent(), 0)), width=390)
        words = "document.querySelector('#c2-scalar-live .told').textContent"
        assert "Lag 0, the last step itself" in tab.run(words)
        tab.run("document.querySelector('#c2-scalar-live [aria-label=\"One step on\"]').click()")
        assert "Lag 1, step 99 of 100: w to the power of the lag is 0.9;" in tab.run(words)
        tab.run("document.querySelector('#c2-scalar-live input').focus()")
        tab.key("ArrowRight", 39)
        tab.until(f"{words}.includes('the lag is 0.91;')")
        assert (
            tab.run("document.querySelector('#c2-scalar-live input').getAttribute('aria-valuetext')")
            == "0.91"
        )
        assert tab.run("document.documentElement.scrollWidth") <= 390

    def test_play_ends_at_the_first_step_at_once_where_motion_is_not_wanted(self, opening):
        tab = opening(said(sent_back.tell(sent(), 0)))
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        tab.ask("Emulation.setEmulatedMedia", features=[still])
        tab.run("document.querySelector('#c2-scalar-live [aria-label=\"Play or pause\"]').click()")
        assert "Lag 100, step 0 of 100" in tab.run(
            "document.querySelector('#c2-scalar-live .told').textContent"
        )

    def test_without_scripts_only_the_figure_is_there(self, opening):
        text = said(sent_back.tell(sent(), 0)).replace("<details>", "<details open>")
        tab = opening(text, scripts=False)
        assert tab.drawn("#c2-scalar-live") == (0, 0)
        assert tab.drawn("#c2-scalar .wide svg")[0] > 0
