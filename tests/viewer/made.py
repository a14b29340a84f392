"""Runs of `gradlab neurons` as readers get them: cells of the package with random weights, along a text."""

import functools
import inspect
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import scipy.special
import xarray as xr

from gradlab import registry, specs

ANCHOR, LAGS, RANKS = 256, 200, 5


def sources(count):
    """Text of so many characters: modules of the package, as often as it takes, and where each begins."""
    text, files = "", []
    while len(text) < count:
        for module in (specs, registry):
            files.append({"name": f"{module.__name__}.py", "start": len(text)})
            text += inspect.getsource(module)
            if len(text) >= count:
                break
    return text[:count], files


def run(cells=("lstm",), *, hidden=12, characters=2500, text=None, w_rec=1.5, vocabulary=None, words=None):
    """A run whose states and predictions are the cells' own, whose scores are made up.

    `words` replaces every string that stands in a run.
    """
    files = [{"name": "text", "start": 0}]
    if text is None:
        text, files = sources(characters)
    vocabulary = vocabulary or "\ufffd" + "".join(sorted(set(text)))
    codes = np.array([max(vocabulary.find(letter), 0) for letter in text], np.int32)
    labels, values = labelled(text)
    said = functools.cache(words or (lambda word: word))
    arrays, about, units, scores, best = {}, [], [], [], []
    for k, spec in enumerate(cells):
        facts, own = one(k, spec, codes, len(vocabulary), hidden, w_rec)
        arrays |= own
        table, ranked = judged(spec, facts, [label["name"] for label in labels], k)
        about.append(facts)
        units.append(table)
        scores.append(ranked)
        best.append(detectors(ranked))
    arrays |= {"codes": (("character",), codes), "labels": (("label", "character"), values)}
    for frame in (*units, *scores, *best):
        frame["label"] = [said(label) for label in frame["label"]]
    labels = [
        {key: value if key == "kind" else said(value) for key, value in label.items()} for label in labels
    ]
    files = [file | {"name": said(file["name"])} for file in files]
    facts = {
        "command": "neurons",
        "anchor": ANCHOR,
        "vocabulary": vocabulary,
        "kind": "python",
        "source": said("modules of gradlab"),
        "plan": {"updates": 0, "every": 1, "train": 0, "validation": 0, "test": len(codes)},
        "shown": {"characters": len(codes), "scored": len(codes), "files": files},
        "labels": labels,
        "cells": about,
        "settings": {said("corpus"): said("python")},
        "versions": {"gradlab": said("0")},
    }
    return SimpleNamespace(
        about=facts,
        norms=xr.Dataset(arrays),
        units=pd.concat(units, ignore_index=True),
        scores=pd.concat(scores, ignore_index=True),
        detectors=pd.concat(best, ignore_index=True),
    )


def labelled(text):
    """Labels of a text, and their values."""
    inside, depth, place = False, 0, 0
    rows = []
    for letter in text:
        inside ^= letter == '"'
        depth = max(0, depth + (letter in "([{") - (letter in ")]}"))
        place = 0 if letter == "\n" else place + 1
        rows.append((inside, depth, place))
    kinds = [("quotes", "binary"), ("bracket depth", "number"), ("place in line", "number")]
    labels = [
        {"name": name, "kind": kind, "meaning": f"The {name} of a character.", "inside": f"in {name}"}
        for name, kind in kinds
    ]
    return labels, np.array(rows, np.float32).T


def weights(spec, symbols, hidden, w_rec):
    """The cell, random parameters in float32 of the forms that it asks for, its first state, the readout."""
    cell = registry.make("cells", spec)
    forms = jax.eval_shape(
        lambda key: cell.init(key, symbols, hidden, 1.0, lambda key, n: jnp.eye(n)), jax.random.key(0)
    )
    draw = np.random.default_rng(7)
    params = jax.tree.map(lambda form: draw.normal(size=form.shape) / np.sqrt(hidden), forms[0])
    params = params._replace(w_rec=w_rec * params.w_rec, w_in=np.sqrt(hidden) * params.w_in)
    params = jax.tree.map(lambda leaf: leaf.astype(np.float32), params)
    state = jax.tree.map(lambda form: np.zeros(form.shape), forms[1])
    out = 3 * draw.normal(size=(symbols, hidden)) / np.sqrt(hidden)
    return cell, params, state, out.astype(np.float32), draw.normal(size=symbols).astype(np.float32)


def doubled(tree):
    return jax.tree.map(lambda leaf: np.asarray(leaf, float), tree)


def one(k, spec, codes, symbols, hidden, w_rec):
    """Facts and arrays of one cell."""
    cell, params, state, out, bias = weights(spec, symbols, hidden, w_rec)
    exact = doubled(params)

    @jax.jit
    def read(state, codes):
        def step(state, code):
            x = jax.nn.one_hot(code, symbols, dtype=float)
            after = cell.step(exact, state, x)
            return after, (after, cell.readout(after), cell.gate_values(exact, state, x))

        return jax.lax.scan(step, state, codes)[1]

    states, shown, gates = jax.tree.map(np.asarray, read(state, codes))
    logits = shown @ out.astype(float).T + bias
    log = logits - scipy.special.logsumexp(logits, axis=1, keepdims=True)
    ranked = np.argsort(-log, axis=1, kind="stable")
    came = np.append(codes[1:], 0)
    place = np.argmax(ranked == came[:, None], 1) + 1
    bits = -log[np.arange(len(codes)), came] / np.log(2)
    place[-1], bits[-1] = 0, np.nan
    name, leaves = f"cell{k}", states._fields
    arrays = {
        f"{name}_top": (("character", "rank"), ranked[:, :RANKS].astype(np.int32)),
        f"{name}_probability": (
            ("character", "rank"),
            np.exp(np.take_along_axis(log, ranked[:, :RANKS], 1)).astype(np.float32),
        ),
        f"{name}_place": (("character",), place.astype(np.int32)),
        f"{name}_bits": (("character",), bits.astype(np.float32)),
        f"{name}_weight_out": (("symbol", f"unit{k}"), out),
        f"{name}_bias_out": (("symbol",), bias),
        f"{name}_influence": (("lag",), -0.02 * np.arange(LAGS + 1.0)),
    }
    for leaf, first, values in zip(leaves, state, states, strict=True):
        arrays[f"{name}_{leaf}"] = quantised(values, k)
        before = np.concatenate([np.asarray(first)[None], np.asarray(values)])[: len(codes) : ANCHOR]
        arrays[f"{name}_start_{leaf}"] = (("anchor", f"unit{k}"), before.astype(np.float32))
    for gate, values in gates.items():
        arrays[f"{name}_gate_{gate}"] = quantised(values, k)
    for field in params._fields:
        held = getattr(params, field)
        arrays[f"{name}_weight_{field}"] = ([f"{name}_{field}_{axis}" for axis in range(held.ndim)], held)
    facts = {
        "cell": spec,
        "hidden": hidden,
        "parameters": sum(leaf.size for leaf in params),
        "leaves": list(leaves),
        "gates": list(gates),
        "memory": cell.memory,
        "carry": cell.carry_gate or "",
        "updates": 0,
        "lr": 0.01,
        "bits": 2.5,
        "untrained_bits": 6.5,
        "validation_bits": 2.4,
        "reach": None if k else 41,
        "lags": LAGS,
        "unread": dict.fromkeys(leaves, 0.8),
    }
    return facts, arrays


def quantised(values, k):
    values = np.asarray(values)
    scale = max(1.0, float(np.abs(values).max())) / 127
    return (("character", f"unit{k}"), np.round(values / scale).astype(np.int8), {"scale": scale})


def judged(spec, facts, labels, k):
    """Made-up units and scores, of one cell."""
    draw = np.random.default_rng(k)
    names = [f"{part}/{i}" for part in (*facts["leaves"], *facts["gates"]) for i in range(facts["hidden"])]
    count = len(names) * len(labels)
    score = draw.uniform(-1, 1, count)
    ranked = pd.DataFrame(
        {
            "cell": spec,
            "unit": np.repeat(names, len(labels)),
            "label": np.tile(labels, len(names)),
            "measure": "auc",
            "score": score,
            "accuracy": draw.uniform(0.5, 1, count),
            "first": score + 0.01,
            "second": score - 0.01,
            "shifted": np.tile(draw.uniform(0.3, 0.5, len(labels)), len(names)),
            "p": draw.uniform(0, 1, count),
            "untrained": np.tile(draw.uniform(0.3, 0.6, len(labels)), len(names)),
            "same": draw.uniform(-0.2, 0.2, count),
            "random": np.tile(draw.uniform(0.3, 0.6, len(labels)), len(names)),
        }
    )
    ranked["verdict"] = np.where(np.abs(score) > 0.65, "above", "not above")
    best = ranked.loc[ranked["score"].abs().groupby(ranked["unit"], sort=False).idxmax()].reset_index(
        drop=True
    )
    units = best[["cell", "unit", "label", "score", "verdict"]].copy()
    units["half_life"] = draw.uniform(1, 60, len(units)) if facts["carry"] else np.nan
    units["transport"] = draw.uniform(1, 60, len(units))
    gates = [name.split("/")[0] in facts["gates"] for name in names]
    units["left"] = np.where(gates, 0.2, np.nan)
    units["right"] = np.where(gates, 0.5, np.nan)
    for name, value in [("inside", 0.2), ("inside_low", 0.1), ("inside_high", 0.3), ("outside", 0.01)]:
        units[name] = np.where(gates, np.nan, value)
    units["used"] = np.where(gates, "", "used")
    return units, ranked


def detectors(ranked):
    """The best unit of each label."""
    order = ranked["verdict"].eq("above") + ranked["score"].abs()
    best = ranked.loc[order.groupby(ranked["label"], sort=False).idxmax(), ["cell", "label", "unit"]]
    return best.assign(inside=0.2, inside_low=0.1, inside_high=0.3, outside=0.01, used="used")
