"""Settings from text: exact ranges, whole lists, and nothing guessed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradlab import specs
from gradlab.errors import Exit, GradlabError
from gradlab.ranges import floats, integers
from gradlab.specs import OPTIONS
from gradlab.studies.sweep.settings import Precision, Sweep
from gradlab.values import choice


def mistake(function, *arguments):
    """The error that a call ends with; None if it returns."""
    try:
        function(*arguments)
    except GradlabError as error:
        return error
    return None


def test_a_range_holds_both_ends_and_the_decimals_that_were_meant():
    assert floats("--w-rec", "0.1:0.3:3") == (0.1, 0.2, 0.3)
    assert floats("--w-rec", "0.5:1.5:21") == tuple(round(0.5 + 0.05 * i, 2) for i in range(21))
    assert floats("--w-rec", "-1:1:3") == (-1.0, 0.0, 1.0)
    assert floats("--w-rec", "0.7:0.7:1") == (0.7,)


def test_lists_and_ranges_mix():
    assert floats("--w-rec", " 0.5, 1:2:3 ,1e-3") == (0.5, 1.0, 1.5, 2.0, 1e-3)
    assert integers("-T", "25,50:100:2") == (25, 50, 100)


@given(st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False))
def test_a_number_means_exactly_itself(value):
    assert floats("--w-rec", repr(value)) == (value,)


@given(st.integers(-1000, 1000), st.integers(1, 10**4), st.integers(2, 200))
def test_a_range_has_its_count_and_its_ends_and_ascends(start, width, count):
    found = floats("--w-rec", f"{start / 100}:{(start + width) / 100}:{count}")
    assert (len(found), found[0], found[-1]) == (count, start / 100, (start + width) / 100)
    assert list(found) == sorted(set(found))


@given(st.text(max_size=20))
def test_any_text_is_numbers_or_a_mistake_that_names_the_option(text):
    for parse, option in ((floats, "--w-rec"), (integers, "-T")):
        found = mistake(parse, option, text)
        if found is not None:
            assert (found.where, found.code) == (option, Exit.USAGE)
            assert found.what.isprintable()


def test_members_are_parted_at_commas_outside_brackets_and_spelled_one_way():
    asked = ["lstm( forget_bias = 1.0 ),elman(activation=relu)", "esn(leak=0.5, density=0.2)"]
    assert specs.reader(Sweep, "cell", OPTIONS)(asked) == (
        "lstm",
        "elman(activation=relu)",
        "esn(leak=0.5, density=0.2)",
    )
    with pytest.raises(GradlabError, match="--init: is empty"):
        specs.reader(Sweep, "init", OPTIONS)(["orthogonal,"])


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"hidden": 0}, "--hidden"),
        ({"inputs": 0}, "--inputs"),
        ({"batch": 0}, "--batch"),
        ({"seeds": 0}, "--seeds"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**63}, "--seed"),
        ({"T": (8, 0)}, "-T"),
        ({"T": (8, 8)}, "-T"),
        ({"w_rec": (1.0, 1.0)}, "--w-rec"),
        ({"cell": ("lstm", "lstm")}, "--cell"),
        ({"init": ("gaussian", "gaussian")}, "--init"),
        ({"input_std": float("nan")}, "--input-std"),
        ({"input_std": -0.1}, "--input-std"),
    ],
)
def test_a_sweep_that_makes_no_sense_cannot_be_made(settings, where):
    with pytest.raises(GradlabError) as caught:
        Sweep(**settings)
    assert (caught.value.where, caught.value.code) == (where, Exit.USAGE)


def test_a_word_is_one_of_those_allowed():
    assert choice("--precision", "float64", Precision) == "float64"
    with pytest.raises(GradlabError, match=r"no precision called .*known: float32, float64"):
        choice("--precision", "float16", Precision)


def test_points_are_the_product_of_the_axes():
    sweep = Sweep(
        cell=("lstm", "gru"), init=("orthogonal", "gaussian"), w_rec=(0.5, 1.0, 2.0), T=(8, 16), seeds=5
    )
    assert (sweep.networks, sweep.points) == (2 * 3 * 5, 2 * 2 * 3 * 2 * 5)


def test_settings_are_plain_json_that_makes_the_same_sweep():
    stored = json.loads(json.dumps(specs.stored(Sweep())))
    assert (
        Sweep(**{key: tuple(value) if isinstance(value, list) else value for key, value in stored.items()})
        == Sweep()
    )


def test_a_slip_in_a_count_is_not_carried_out():
    with pytest.raises(
        GradlabError, match=r"1000000000000 values and needs at least 1 PB .* available"
    ) as caught:
        floats("--w-rec", "0:1:1000000000000")
    assert caught.value.code is Exit.RESOURCES
