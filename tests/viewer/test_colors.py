"""The colours: text stands out from each of them, and their ends are told apart by every kind of eye."""

import numpy as np
import pytest

from tests.report.browser import Tab
from tests.viewer import made
from tests.viewer.opened import READY, needed, written

pytestmark = needed
SEEN = {
    "protanopia": [0.1523, 1.0526, -0.2049, 0.1145, 0.7863, 0.0992, -0.0039, -0.0481, 1.0520],
    "deuteranopia": [0.3673, 0.8606, -0.2280, 0.2801, 0.6725, 0.0474, -0.0118, 0.0429, 0.9689],
    "tritanopia": [1.2555, -0.0767, -0.1788, -0.0784, 0.9308, 0.1476, 0.0047, 0.6914, 0.3039],
}  # fmt: skip
"""Linear RGB as others see it: Machado, Oliveira, Fernandes 2009, of full severity."""


def linear(color):
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def light(color):
    return float(linear(color) @ [0.2126, 0.7152, 0.0722])


def contrast(one, two):
    low, high = sorted((light(one), light(two)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb):
    """CIE L*a*b*, of linear RGB, for the white point D65."""
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ np.clip(
        rgb, 0, 1
    )
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.fixture(scope="module", params=[False, True])
def palette(request, browser, tmp_path_factory):
    """The colours of the style sheet in a light and in a dark scheme."""
    file = written(
        made.run(("elman",), hidden=3, characters=50), tmp_path_factory.mktemp("page") / "page.html"
    )
    tab = Tab(browser, file, dark=request.param)
    tab.until(READY)
    names = (
        "page",
        "ink",
        "soft",
        "accent",
        "low",
        "high",
        "felt",
        "sure",
        "low-bar",
        "high-bar",
        "felt-bar",
    )
    yield {
        name: tab.run(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
        for name in names
    }
    tab.close()


def test_text_stands_out_from_every_ground(palette):
    """At least 4.5 to 1, as WCAG 2 asks of text; bars and frames 3 to 1."""
    for ground in ("page", "low", "high", "felt", "sure"):
        assert contrast(palette["ink"], palette[ground]) >= 4.5, ground
    for name in ("soft", "accent"):
        assert contrast(palette[name], palette["page"]) >= 4.5, name
    for name in ("low-bar", "high-bar", "felt-bar", "accent"):
        assert contrast(palette[name], palette["page"]) >= 3, name


@pytest.mark.parametrize("eye", ["all", *SEEN])
def test_the_ends_of_the_scale_are_told_apart(palette, eye):
    """By far more than the 10 units of CIE L*a*b* at which neighbouring areas differ at a glance."""
    seen = np.array(SEEN[eye]).reshape(3, 3) if eye in SEEN else np.eye(3)
    low, middle, high = (lab(seen @ linear(palette[name])) for name in ("low", "page", "high"))
    assert np.linalg.norm(low - high) > 30
    assert min(np.linalg.norm(low - middle), np.linalg.norm(high - middle)) > 25
