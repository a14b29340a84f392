"""Colours of cells and arms: the same everywhere, told apart by everybody."""

import itertools

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from gradlab import registry
from gradlab.plots import _colors
from gradlab.plots.horizon import horizon
from gradlab.plots.learning_curves import learning_curves
from gradlab.studies.sweep import results
from tests import samples
from tests.plots.comparisons import comparison
from tests.plots.test_style import contrast_on_white

# Of linear RGB, after Machado, Oliveira, Fernandes 2009, severity 1.
SEEN = {
    "all cones": np.eye(3),
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}
# Oklab, after Ottosson 2020.
CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
OPPONENTS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(color, cones):
    rgb = np.array(to_rgb(color))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return OPPONENTS @ np.cbrt(CONES @ np.clip(np.asarray(cones) @ linear, 0, 1))


@pytest.mark.parametrize("eye", SEEN)
def test_every_two_colors_are_told_apart(eye):
    seen = [oklab(color, SEEN[eye]) for color in _colors.PALETTE]
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 0.045


def test_colors_can_be_read_as_text():
    assert min(map(contrast_on_white, _colors.PALETTE)) > 3.4


def test_what_cells_state_are_colors_of_the_palette_and_no_two_alike():
    stated = [registry.constant("cells", cell, "COLOR") for cell in registry.names("cells")]
    stated = [color for color in stated if color is not None]
    assert len(stated) == len(set(stated)) >= 12
    assert set(stated) <= set(_colors.PALETTE)


def test_a_cell_has_its_color_in_whatever_company():
    alone = _colors.cell_colors(["lstm"])["lstm"]
    for company in (["elman", "lstm"], ["mine:Cell", "lstm(forget_bias=3)", "lstm"]):
        assert _colors.cell_colors(company)["lstm"] == alone
        assert _colors.arm_colors({}, [*company, "none", "clip_norm"])["lstm"] == alone
    foreign = _colors.cell_color("mine:Cell")
    assert foreign in _colors.PALETTE[_colors.KEPT :]
    assert _colors.cell_colors(["gru", "mine:Cell"])["mine:Cell"] == foreign


def test_arms_differ_and_keep_their_color_where_others_are_left_out():
    arms = ["none", "clip_norm", "truncate", "orthogonal", "clip_norm+omega", "lstm", "gru"]
    about = {"settings": {"remedies": arms}}
    colors = _colors.arm_colors(about, arms)
    assert len(set(colors.values())) == len(arms)
    assert _colors.arm_colors(about, ["truncate"]) == {"truncate": colors["truncate"]}
    assert len(_colors.arm_colors({"settings": 3}, [str(k) for k in range(40)])) == 40


def test_where_colors_repeat_another_sign_tells_them_apart():
    arms = [f"clip_norm({k}.0)" for k in range(1, 20)]
    figure = learning_curves(comparison(arms=arms, T=(20,), w_rec=(1.0,), seeds=1))
    looks = [
        (h.get_color(), h.get_linestyle(), h._unscaled_dash_pattern) for h in figure.legends[0].get_lines()
    ]
    assert len({str(look) for look in looks[: len(arms)]}) == len(arms)
    slots: dict[str, list[str]] = {}
    for k in range(40):
        slots.setdefault(_colors.cell_color(f"mine:C{k}"), []).append(f"mine:C{k}")
    twins = next(names for names in slots.values() if len(names) > 1)[:2]
    norms = samples.norms(tuple(twins))
    lines = horizon(results.Run({}, results.metrics(norms), norms)).legends[0].get_lines()[:2]
    assert lines[0].get_color() == lines[1].get_color()
    assert lines[0].get_marker() != lines[1].get_marker()
