"""Synthetic results: profiles with known rates, in the shape that a sweep stores."""

import numpy as np
import xarray as xr

PARTS = {"lstm": ("state", "h", "c")}
FLAGS = {
    "flag_values": np.arange(4, dtype=np.int8),
    "flag_meanings": "ok exact_zero forward_nonfinite undefined",
}


def norms(
    cells=("elman",),
    w_rec=(0.5, 0.9, 1.0, 1.5),
    T=(20, 50),
    seeds=3,
    inits=("orthogonal",),
    noise=0.05,
    nonfinite_above=None,
    zero_beyond=None,
    seed=0,
    probed=False,
):
    """A dataset whose transport is lag * rate + noise; `elman` saturates, `identity` cells follow the law."""
    rng = np.random.default_rng(seed)
    parts = list(dict.fromkeys(p for c in cells for p in PARTS.get(c, ("state",))))
    coords = {
        "cell": list(cells),
        "init": list(inits),
        "w_rec": np.asarray(w_rec, float),
        "T": np.asarray(T, np.int64),
        "seed": np.arange(seeds),
        "part": parts,
        "lag": np.arange(max(T) + 1),
    }
    dims = tuple(coords)
    shape = tuple(len(v) for v in coords.values())
    lag = coords["lag"].astype(float)
    slope = np.log10(np.maximum(coords["w_rec"], 1e-300))[None, None, :, None, None, None, None] * np.ones(
        (*shape[:-1], 1)
    )
    linear = np.array(["identity" in c for c in cells])
    curved = ~linear
    slope = np.where((slope > 0) & curved[:, None, None, None, None, None, None], slope * 0.2 - 0.01, slope)
    slope = slope + np.where(curved, -0.012, 0.0)[:, None, None, None, None, None, None]
    wobble = noise * rng.normal(size=shape).cumsum(-1) * curved[:, None, None, None, None, None, None] * 0.3
    wobble = wobble - wobble[..., :1]
    transport = slope * lag + wobble
    state = np.zeros(shape, np.int8)
    state[...] = np.where(lag <= coords["T"][:, None, None, None], 0, 3)
    zero_w = coords["w_rec"] == 0
    state[:, :, zero_w] = np.where((state[:, :, zero_w] == 0) & (lag > 0), 1, state[:, :, zero_w])
    if zero_beyond is not None:
        state = np.where((state == 0) & (lag > zero_beyond), 1, state)
    step = np.zeros(shape[:5], np.int32)
    if nonfinite_above is not None:
        hit = (coords["w_rec"] > nonfinite_above)[None, None, :, None, None] & linear[
            :, None, None, None, None
        ]
        first = np.ceil(15 / np.maximum(slope[..., 0, 0], 1e-9))
        step = np.where(hit & (first <= coords["T"][:, None]), first, 0).astype(np.int32)
        state = np.where((step > 0)[..., None, None] & (state != 3), 2, state).astype(np.int8)
    for c, cell in enumerate(cells):
        for p, part in enumerate(parts):
            if part not in PARTS.get(cell, ("state",)):
                state[c, ..., p, :] = 3
    only_whole = state.copy()
    only_whole[..., 1:, :] = 3
    weight = state[..., 0, :].copy()
    past = np.arange(shape[-1]) >= coords["T"][:, None, None]
    weight = np.where(np.broadcast_to(past, weight.shape), 3, weight).astype(np.int8)
    for c, cell in enumerate(cells):
        if cell == "esn":
            weight[c] = 3

    def pair(name, value, codes, dims):
        return {name: (dims, np.where(codes == 0, value, np.nan)), f"{name}_state": (dims, codes, FLAGS)}

    further = {}
    if probed:
        point, by_part = dims[:5], (*dims[:5], "lag", "part")
        further |= pair("reach", transport[..., 0, :] - 2.0, weight, (*point, "lag"))
        # Seen up to a lag that falls with the gain.
        seen = np.where(lag <= 8 * coords["w_rec"][:, None, None, None], 0.01, 0.4) + 0 * transport[..., 0, :]
        further |= pair("target_chance", seen, weight, (*point, "lag"))
        further |= pair("readout_transport", transport[..., 0, :], state[..., 0, :], (*point, "lag"))
        further |= pair("part_transport", transport.swapaxes(-1, -2), state.swapaxes(-1, -2), by_part)
    return xr.Dataset(
        further
        | pair("adjoint", transport * 0.95 - 0.1, state, dims)
        | pair("transport", transport, only_whole, dims)
        | pair("transport_frobenius", transport + 0.7, state, dims)
        | pair("weight_gradient", transport[..., 0, :] * 0.97 - 1.0, weight, (*dims[:5], "lag"))
        | {"nonfinite_step": (dims[:5], step)},
        coords=coords | {"linear": ("cell", linear)},
        attrs={"schema": "gradlab.norms/1", "objective": "unit", "precision": "float32", "hidden": 32},
    )
