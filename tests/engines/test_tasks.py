"""What is sent to workers: references to functions of gradlab, and plain values; no secrets."""

import contextlib
import dataclasses
import io
import pickle
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from gradlab import runtime
from gradlab.engines import work
from gradlab.engines.dask import Dask
from gradlab.studies import base
from gradlab.studies.base import Group
from gradlab.studies.measure.settings import Measure
from gradlab.studies.neurons.settings import Neurons
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep.settings import Sweep
from tests.engines.calling import MARKER
from tests.studies.measure import given_networks

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
PLAIN = (str, int, float, bool, bytes, type(None))


class Listed(pickle.Unpickler):
    """Unpickles, and lists what it imports."""

    def __init__(self, content):
        super().__init__(io.BytesIO(content))
        self.found = set()

    def find_class(self, module, name):
        self.found.add(f"{module}.{name}")
        return super().find_class(module, name)


class Workers:
    """In the place of a client and its executor: what they are given is pickled, and nothing computed."""

    status, scheduler = "running", SimpleNamespace(address="tcp://127.0.0.1:1")

    def __init__(self):
        self.sent = []

    def run(self, function, *given, on_error):
        assert on_error == "return"
        self.sent.append(pickle.dumps((function, given)))
        return {"worker": runtime.versions()}

    def get_executor(self, pure):
        return self

    def submit(self, function, *given):
        self.sent.append(pickle.dumps((function, given)))
        done = Future()
        done.set_result(work.Result(given[1], [({"cell": "elman"}, b"numbers")], runtime.versions()))
        return done

    def scheduler_info(self):
        return {"workers": {}}


def plain(value):
    """Whether it is JSON, bytes, settings, a group, or tuples of such."""
    if dataclasses.is_dataclass(value) or isinstance(value, Group):
        return type(value).__module__.startswith("gradlab.studies.") and all(map(plain, vars_of(value)))
    if isinstance(value, dict):
        return all(isinstance(key, str) for key in value) and all(map(plain, value.values()))
    return type(value) in PLAIN or (type(value) in (list, tuple) and all(map(plain, value)))


def vars_of(value):
    return vars(value).values() if dataclasses.is_dataclass(value) else tuple(value)


def given(folder):
    """A measurement of a network in files."""
    given_networks.write(folder)
    return Measure(
        str(folder / "w.npz"), str(folder / "s.csv"), arch="rnn", activation="tanh", T=6, windows=2
    )


@pytest.mark.parametrize(
    ("made", "settings"),
    [
        (lambda _: Sweep(cell=("elman", "lstm"), T=(5, 6)), "sweep.settings.Sweep"),
        (lambda _: Training("copy", T=(5,), remedies=("none", "clip_norm")), "remedies.settings.Training"),
        (given, "measure.settings.Measure"),
        (lambda _: Neurons(cell=("gru",), updates=10), "neurons.settings.Neurons"),
    ],
    ids=["sweep", "remedies", "measure", "neurons"],
)
def test_tasks_are_references_to_functions_of_gradlab_and_plain_values(made, settings, tmp_path, monkeypatch):
    asked, workers, here = made(tmp_path), Workers(), tmp_path / MARKER
    here.mkdir()
    (here / "key.pem").write_text(MARKER)
    monkeypatch.chdir(here)
    monkeypatch.setenv("TOKEN", MARKER)
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY", str(here / "key.pem"))
    engine = Dask("tls://127.0.0.1:8786")
    monkeypatch.setattr(engine, "_client", lambda: contextlib.nullcontext(workers))
    groups = base.of(asked).groups(asked)
    results = [one for one in engine.results(asked, groups) if one is not None]
    assert sorted(one.group for one in results) == sorted(groups)
    assert len(workers.sent) == 1 + len(groups)
    kind = {f"gradlab.studies.{settings}"}
    for content, function in zip(workers.sent, [work.ready, *[work.compute] * len(groups)], strict=True):
        reader = Listed(content)
        called, values = reader.load()
        assert called is function
        group = {"gradlab.studies.base.Group"} if called is work.compute else set()
        assert reader.found == {f"gradlab.engines.work.{called.__name__}"} | kind | group
        assert plain(values)
        assert MARKER.encode() not in content


def test_what_comes_back_is_plain_too():
    result = work.Result(Group("elman", 5, ("elman",)), [({"cell": "elman", "T": 5}, b"n")], {"jax": "1"})
    reader = Listed(pickle.dumps(result))
    assert reader.load() == result
    assert reader.found == {"gradlab.engines.work.Result", "gradlab.studies.base.Group"}
    assert plain(tuple(result))
