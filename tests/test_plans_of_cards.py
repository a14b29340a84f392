"""What is told of a card's memory, where one computes; here a processor plays it."""

import dataclasses
import json
import types

import jax
import pytest

from gradlab import memory, registry, runtime
from gradlab.cli import _planned
from gradlab.errors import Exit, GradlabError
from gradlab.gradcheck import plan as gradcheck_plan
from gradlab.recurrence import platforms
from gradlab.studies.remedies import plan as remedies_plan
from gradlab.studies.remedies.settings import Training
from gradlab.studies.sweep import plan as sweep_plan
from gradlab.studies.sweep.settings import Sweep
from tests import documents

SMALL = Sweep(cell=("elman",), w_rec=(0.9, 1.1), T=(50,), hidden=16, seeds=2)
TRAINED = Training(task="latch", remedies=("none",), T=(10,), hidden=8)


@pytest.fixture
def card(monkeypatch):
    """One card, of which so many bytes are free."""

    def of(free: int) -> None:
        monkeypatch.setattr(platforms, "on_cpu", lambda: False)
        monkeypatch.setattr(platforms, "devices", lambda: 1)
        monkeypatch.setattr(runtime, "card_bytes", lambda: free)
        monkeypatch.setattr(memory, "available_bytes", lambda: 2**50)

    return of


def test_a_processor_has_no_card_and_says_nothing_of_one():
    assert runtime.card_bytes() is None
    planned = sweep_plan.plan(SMALL)
    assert planned.card is None
    assert "card_bytes" not in planned.document()


def test_what_is_free_on_a_card_is_what_its_library_says(monkeypatch):
    told = {"bytes_limit": 1000, "bytes_in_use": 300}
    one = types.SimpleNamespace(memory_stats=lambda: told)
    monkeypatch.setattr(runtime, "has_gpu", lambda: True)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(jax, "local_devices", lambda: [one])
    assert runtime.card_bytes() == 700
    # Some say nothing.
    told = None
    assert runtime.card_bytes() is None
    monkeypatch.setattr(jax, "default_backend", lambda: "cpu")
    assert runtime.card_bytes() is None


@pytest.mark.parametrize("changed", [{"hidden": 64}, {"batch": 8}, {"T": (200,)}, {"cell": ("lstm",)}])
def test_larger_networks_need_more_of_the_card(card, changed):
    card(2**40)
    less, more = (sweep_plan.plan(one).card for one in (SMALL, dataclasses.replace(SMALL, **changed)))
    assert more > less


def test_networks_beyond_a_call_need_no_more_of_it(card):
    card(2**40)
    many, more = (sweep_plan.plan(dataclasses.replace(SMALL, seeds=seeds)) for seeds in (50_000, 100_000))
    assert more.card == many.card
    assert more.bytes > many.bytes


@pytest.mark.parametrize(
    ("planned", "check", "where"),
    [
        (lambda: sweep_plan.plan(SMALL), lambda planned: sweep_plan.check(SMALL, planned), "sweep"),
        (
            lambda: remedies_plan.plan(TRAINED),
            lambda planned: remedies_plan.check(TRAINED, planned),
            "remedies",
        ),
        (
            lambda: gradcheck_plan.plan(
                "elman", registry.make("cells", "elman"), sizes=(1, 4), lengths=(5,), scales=1, points=1
            ),
            lambda planned: gradcheck_plan.check(planned),
            "CELL",
        ),
    ],
    ids=["sweep", "remedies", "verify"],
)
def test_what_does_not_fit_on_the_card_is_exit_7_and_names_the_ways_out(card, planned, check, where):
    card(2**40)
    found = planned()
    check(found)
    card(2**14)
    with pytest.raises(
        GradlabError, match=r"of the card's memory .*16.4 kB available; .*, or --device cpu"
    ) as caught:
        check(found)
    assert caught.value.code is Exit.RESOURCES
    assert str(caught.value).startswith(f"{where}: ")


def test_the_cell_that_is_named_is_the_one_that_needs_most_of_the_card(card):
    card(2**40)
    for cells in (("elman", "lstm"), ("lstm", "elman")):
        asked = dataclasses.replace(SMALL, cell=cells)
        planned, alone = sweep_plan.plan(asked), sweep_plan.plan(dataclasses.replace(asked, cell=("lstm",)))
        assert planned.largest == "lstm"
        assert planned.card == alone.card


def test_a_dry_run_tells_of_the_card(card, capsys):
    card(2**34)
    planned = sweep_plan.plan(SMALL)
    _planned.say(planned, {}, None, as_json=False)
    lines = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines())
    assert lines["card"].endswith("of 17.2 GB available on it")
    _planned.say(planned, {}, None, as_json=True)
    text = capsys.readouterr().out
    documents.hold(text)
    said = json.loads(text)
    assert said["data"]["card_bytes"] == planned.card
