"""What `gradlab.reach` has found of a model as a whole, as the dataset that a run is made of."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradlab.errors import GradlabError
from gradlab.profiles import EPS
from gradlab.reaching.result import Reach
from gradlab.states import FORWARD_NONFINITE, NOT_COMPUTED, REASONS, UNDEFINED
from gradlab.studies.norms import POINT, REASON
from gradlab.studies.sweep.cell_result import CellResult
from gradlab.studies.sweep.labelled import dataset

if TYPE_CHECKING:
    import xarray

_OF_STATE = ("adjoint", "transport", "transport_frobenius")


def of(found: Reach) -> "xarray.Dataset":
    """Its norms by lag; whatever needs a state or weights is not computed.

    Raises:
      GradlabError: for a model in a format narrower than half precision, and one without a finite output.
    """
    if found.precision not in EPS:
        what = f"is in {found.precision}; runs are kept of {', '.join(EPS)}"
        raise GradlabError("result", f"{found.name} {what}")
    norms = found.norms
    if (norms["reach_state"] == FORWARD_NONFINITE).any():
        raise GradlabError(
            "result", f"{found.name} has a last output that is not finite; nothing can be kept"
        )
    T = norms.sizes["lag"]
    unknown = np.full((1, 1, 1, 1, T + 1, 1), np.nan)
    codes = np.full(unknown.shape, NOT_COMPUTED, np.int8)
    columns = dict.fromkeys(_OF_STATE, (unknown, codes))
    columns["weight_gradient"] = unknown[..., 0], codes[..., 0]
    result = CellResult(
        found.name,
        ("state",),
        False,
        columns,
        np.zeros((1, 1, 1, 1), np.int32),
        digests={},
        extras={
            name: (("lag",), _longer(norms[name], np.nan), _longer(norms[f"{name}_state"], float(UNDEFINED)))
            for name in ("reach", "reach_frobenius")
        },
        gates=("none",),
        has_gain=True,
        code={},
        leaves=(),
        weights=np.empty(0),
    )
    said = {"precision": found.precision, "networks": "given", "objective": "unit", "only": "reach"}
    said |= {"model": found.model, "sequence": found.sequence, "told": found.verdict}
    made = dataset([result], ["given"], [float("nan")], [T], [0], **said)
    words = list(REASONS)
    code = np.array([words.index(one) for one in (*found.reasons, "undefined")], np.int8)
    flags = {"flag_values": np.arange(len(words), dtype=np.int8), "flag_meanings": " ".join(words)}
    made[REASON] = ((*POINT, "lag"), code[None, None, None, None, None], flags)
    return made


def _longer(column: "xarray.DataArray", end: float) -> NDArray[Any]:
    """On all axes, with a place for lag T, at which no input is read."""
    values: NDArray[Any] = column.values
    return np.append(values, np.array([end], values.dtype))[None, None, None, None]
