"""The windows of a network put together as a run, whose tables are those of a sweep."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradlab import digests, runtime, specs
from gradlab.errors import GradlabError
from gradlab.profiles import EPS, bound
from gradlab.recurrence.lanczos import TOLERANCE
from gradlab.runs import store
from gradlab.studies.measure import models, windows
from gradlab.studies.measure.settings import PYTHON, Measure
from gradlab.studies.sweep.results import Run, failures, metrics
from gradlab.studies.sweep.rows import whole

if TYPE_CHECKING:
    import xarray


def run(asked: Measure, settings: dict[str, Any], results: "list[xarray.Dataset]") -> Run:
    """The run of a network, its windows in order on the axis `seed`."""
    model = models.of(asked)
    told = {"said": list(windows.of(asked, model).said), "code": code(asked, model, results[0])}
    return of(together(results), settings, told)


def together(results: "list[xarray.Dataset]") -> "xarray.Dataset":
    """Datasets of one network in one: what is said of a single sequence names it."""
    import xarray

    if len(results) == 1:
        return results[0]
    found = xarray.concat(results, "seed", combine_attrs="override", join="exact")
    said = [
        f"window {i + 1}: {one.attrs['rounded']}" for i, one in enumerate(results) if "rounded" in one.attrs
    ]
    for name in [name for name in found.attrs if name.startswith("rounded")]:
        del found.attrs[name]
    return found.assign_attrs({"rounded": "; ".join(said[:3])} if said else {})


def in_memory(results: "Sequence[xarray.Dataset]") -> Run:
    """The run of what `gradlab.measure` has returned of one network, on one sequence or on several.

    Raises:
      GradlabError: for none, and for datasets of different networks, lengths or objectives.
    """
    if not results or any("model" not in getattr(one, "attrs", ()) for one in results):
        raise GradlabError("result", "is not what measure or reach returns; pass one, or several")
    first = results[0]
    for i, one in enumerate(results[1:], start=1):
        for name, is_same in (
            ("cells", one["cell"].equals(first["cell"])),
            ("weights", one.attrs.get("model") == first.attrs.get("model")),
            ("T", one["T"].equals(first["T"])),
            ("objective", one.attrs["objective"] == first.attrs["objective"]),
            ("precision", one.attrs["precision"] == first.attrs["precision"]),
            ("columns", set(one.data_vars) == set(first.data_vars)),
        ):
            if not is_same:
                raise GradlabError(
                    f"result[{i}]", f"has other {name} than the first; a run is of one network"
                )
    sequences = [str(one.attrs.get("sequence")) for one in results]
    cells = [str(cell) for cell in first["cell"].values]
    placed = [one.assign_coords(seed=[i], w_rec=np.ones(1)) for i, one in enumerate(results)]
    settings = specs.stored(Measure(PYTHON, "-")) | {
        "command": "measure",
        "model_digest": str(first.attrs["model"]),
        "data": "",
        "data_digest": digests.of_text(repr(sequences)),
        "T": int(first["T"].item()),
        "windows": len(results),
        "objective": str(first.attrs["objective"]).rpartition(" ")[2],
    }
    known = {digests.SOURCE: digests.source(), digests.UNSEEN: "functions that were passed from Python"}
    told: dict[str, Any] = {"code": dict.fromkeys(cells, known | digests.here())}
    if whole(first):
        precision, T = str(first.attrs["precision"]), int(first["T"].item())
        passes = f"{precision}: by the model's own passes, whose rounding is not known"
        if EPS[precision] > EPS["float32"]:
            room = bound(precision, T - 1) / math.log(10)
            passes += f"; a comparison lets a norm move by {room:.1g} decades, as its format may round"
        told |= {"said": [str(one.attrs["told"]) for one in results], "bound": passes}
    return of(together(placed), settings, told)


def of(norms: "xarray.Dataset", settings: dict[str, Any], told: dict[str, Any]) -> Run:
    """A run of what has been measured of one network, whoever has measured it."""
    table = metrics(norms)
    failed = len(failures(table, norms))
    precision = str(norms.attrs["precision"])
    about = {
        "command": "measure",
        "status": "partial" if failed else "complete",
        "settings": settings,
        "networks": norms["cell"].values.tolist(),
        "loss": str(norms.attrs["objective"]),
        "precision": precision,
        "points": int(np.prod([norms.sizes[axis] for axis in ("cell", "seed")])),
        "failed": failed,
        "versions": runtime.facts(),
        "git": store.git_facts(),
        "weights": {
            str(cell): {f"given/{i}": settings["model_digest"] for i in range(norms.sizes["seed"])}
            for cell in norms["cell"].values
        },
    } | told
    if "bound" not in about:
        about["bound"] = _bound(precision, int(norms["T"].max()))
    return Run(about, table, norms)


def _bound(precision: str, T: int) -> str:
    limit = bound(precision, T)
    return (
        f"{precision}: given the values of the forward pass, norms are exact to {limit:.1g} (relative), "
        f"the largest singular value to {max(limit, TOLERANCE[precision]):.1g}"
    )


def require(asked: Measure, known: Any, where: str) -> None:
    """Refuse what other code has measured; of a function of somebody's no digest sees the code.

    Raises:
      GradlabError: with what has changed.
    """
    entries = known if isinstance(known, dict) else {}
    model = models.of(asked)
    if model.unseen:
        what = f"{where} was measured with {model.unseen}, which no digest sees; --force measures anew"
        raise GradlabError("--name", what)
    now = {digests.SOURCE: digests.source(), "weights": model.digest}
    for cell, before in entries.items():
        different = [what for what in now if not isinstance(before, dict) or before.get(what) != now[what]]
        if different:
            said = "gradlab's files" if different == [digests.SOURCE] else "weights"
            what = f"{where} was measured with other code: another {said} of {cell}; --force measures anew"
            raise GradlabError("--name", what)


def code(asked: Measure, model: models.Model, norms: "xarray.Dataset") -> dict[str, digests.Code]:
    """What is known of the code that was measured: gradlab's own, and the weights."""
    return {str(cell): models.code(model) for cell in norms["cell"].values}
