"""The anatomy of cells: one step of each as a diagram, with how much gradient each edge lets through."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gradlab.plots import _colors, _drawing, _fitting, _style, _words
from gradlab.plots._structures import structure
from gradlab.states import OK, UNDEFINED
from gradlab.studies.sweep.results import Run, grid

READS = "sweep"
BY_DEFAULT = False
"""It is drawn when asked for."""
NEEDS = ("transport_frobenius",)


def anatomy(run: Run, *, w_rec: float = 0.9) -> Figure:
    """One step of each cell, the gradient's path through it as wide as what was measured on it.

    share of a part p of the state: mean over lags and seeds of |dstate_T/dp_t|^2 / |dstate_T/dstate_t|^2

    is written at the part: with two parts, how much arrives along the memory and how much through the gates.
    An edge into a product carries the gradient times the opening of the gate, its mean over units, steps
    and seeds; an edge of a sum or a copy all of it; of a grey edge the run says nothing. Openings need the
    probe gates. For the measured w_rec nearest to the one asked for, the longest T, the first initialiser.
    """
    norms = run.norms
    at, T = int(np.abs(norms["w_rec"].values - w_rec).argmin()), int(norms["T"].values.max())
    here = norms.isel(w_rec=at, init=0).sel(T=T)
    rates = grid(run.metrics, norms, "rate").value[:, 0, at, int(norms["T"].values.argmax())]
    cells = norms["cell"].values.tolist()
    colors = _colors.cell_colors(cells)
    with _style.style():
        figure, axes = _style.panels(len(cells), columns=2, height=2.05)
        known = False
        for c, panel in enumerate(axes):
            one = here.isel(cell=c)
            opened = gate_values(one, T)
            shares = parts(one, T)
            values = {"1": 1.0, "step": _mean(10.0 ** rates[c])} | opened
            values |= {f"1-{gate}": 1 - value for gate, value in opened.items()}
            values |= {f"share {part}": share for part, share in shares.items() if len(shares) > 1}
            known |= bool(opened)
            _drawing.draw(panel, structure(cells[c], list(shares), list(opened)), values)
            panel.set_title(cells[c], color=colors[cells[c]], fontweight="bold", pad=14)
            panel.text(
                0.5, 1.01, caption(values["step"], one), transform=panel.transAxes, ha="center", fontsize=7
            )
        figure.suptitle(
            f"One step of each cell and the gradient's way back: {_words.gain(norms, at)}"
            f"T = {T}, {_words.counted(norms)}\n"
        )
        _fitting.legend(figure, _drawing.legend(_drawing.LEGEND if known else _drawing.UNKNOWN), 3)
    return figure


def parts(one: Any, T: int) -> dict[str, float]:
    """The share of the squared transport that arrives in each part of the state, over the lags 1..T."""
    norm, state = (
        one[name].isel(lag=slice(1, T + 1)) for name in ("transport_frobenius", "transport_frobenius_state")
    )
    whole, fine = norm.sel(part="state").values, state.sel(part="state").values == OK
    found = {}
    for part in map(str, norm["part"].values):
        codes = state.sel(part=part).values
        if part == "state" or (codes == UNDEFINED).all():
            continue
        share = np.where(codes == OK, 10.0 ** (2 * (norm.sel(part=part).values - whole)), 0.0)
        found[part] = _mean(share[fine])
    return found or {"h": 1.0}


def gate_values(one: Any, T: int) -> dict[str, float]:
    """The mean opening of each gate that the cell has; empty if the run has not measured them."""
    if "opening" not in one or "gate" not in one.coords:
        return {}
    means = {str(gate): _mean(one["opening"].sel(gate=gate).values) for gate in one["gate"].values}
    return {gate: value for gate, value in means.items() if np.isfinite(value)}


def caption(step: float, one: Any) -> str:
    """What one step multiplies the gradient with, by all ways and along the memory alone."""
    said = f"all ways together ×{step:.3f} per step" if np.isfinite(step) else "no rate is defined"
    if "retention_half_life" in one:
        half = one["retention_half_life"].values
        half = half[~np.isnan(half)]
        if len(half):
            middle = float(np.median(half))
            said += (
                f"; the memory alone ×{2 ** (-1 / middle):.3f}"
                if np.isfinite(middle)
                else "; the memory keeps all"
            )
    return said


def _mean(values: NDArray[np.float64]) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")
