"""`gradlab verify`: its table, its document, its exit codes."""

import re

import pytest

from tests.cli.calling import document, gradlab

SMALL = ("--hidden", "2", "--inputs", "1")
QUICK = (*SMALL, "--lengths", "1,2", "--scale", "1,5.0", "--points", "1")
WRONG = """
import jax
import jax.numpy as jnp

def init(key, d_in, d_hidden):
    w = jax.random.normal(key, (d_hidden, d_hidden + d_in))
    return {"w_rec": w[:, :d_hidden], "w_in": w[:, d_hidden:]}, jnp.zeros(d_hidden)

@jax.custom_vjp
def tanh(a):
    return jnp.tanh(a)

# The derivative at the output, but without the square.
tanh.defvjp(lambda a: (jnp.tanh(a), jnp.tanh(a)), lambda h, g: (g * (1 - h),))

def step(params, h, x):
    return tanh(params["w_rec"] @ h + params["w_in"] @ x)
"""

DECLARED = WRONG.replace("def step", "from gradlab import surrogate\n\n@surrogate\ndef step")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong_tanh.py").write_text(WRONG)
    (tmp_path / "declared_tanh.py").write_text(DECLARED)


@pytest.mark.slow
def test_a_right_cell_exits_with_0_in_a_table_of_80_columns():
    said = gradlab("verify", "elman", *SMALL)
    assert said.code == 0
    assert re.match(r"checking elman: about \d+ s.*; about \d+ MB of memory\n", said.err)
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["check", "T", "error", "limit", "result"]
    assert "27 of 27 checks agree" in lines
    assert sum(line.endswith("  ok") for line in lines) == 27
    assert lines[26].startswith("layers = differences")


@pytest.mark.slow
def test_it_says_what_was_tried_and_what_was_not():
    said = gradlab("verify", "elman", *QUICK)
    text = " ".join(said.out.split())
    assert "tried: T = 1, 2; inputs times 1, 5 (|x| up to" in text
    assert "; 1 point; random directions over all 14 entries, and each of them alone; float64" in text
    assert "not tried: sequences longer than 2; |x| above" in text
    tried = document(gradlab("verify", "elman", *QUICK, "--json").out)["tried"]
    assert (tried["lengths"], tried["scales"], tried["points"]) == ([1, 2], [1.0, 5.0], 1)
    assert (tried["entries"], tried["numbers"], tried["surrogate"]) == (14, 14, False)
    assert "sequences longer than 2" in tried["not_done"]
    assert tried["done"].startswith("T = 1, 2; ")


def test_a_wrong_cell_exits_with_1_and_is_named(folder):
    said = gradlab("verify", "wrong_tanh:step", *SMALL, "--json")
    assert said.code == 1
    found = document(said.out)
    assert (found["schema"], found["status"], found["exit_code"]) == ("gradlab.verify/1", "wrong", 1)
    rows = {(row["name"], row["T"]): row for row in found["data"]}
    for name in ("reverse = differences", "reverse = forward"):
        wrong = rows[name, 17]
        assert (wrong["result"], wrong["step"]) == ("WRONG", 17)
        assert wrong["parameter"] in ("w_in", "w_rec")
        assert "(+1), step 17" in wrong["where"]
    # JAX follows the rule that it was given, everywhere alike; forward mode goes through tanh itself.
    assert rows["scan = loop", 17]["result"] == "ok"
    assert rows["forward = differences", 17]["result"] == "ok"
    assert found["tried"]["rules"] == ["custom_vjp tanh"]


@pytest.mark.slow
def test_what_is_wrong_is_said_in_full_within_80_columns(folder):
    said = gradlab("verify", "wrong_tanh:step", *QUICK)
    assert said.code == 1
    assert max(map(len, said.out.splitlines())) <= 80
    assert "..." not in said.out
    assert "--surrogate" in said.out
    quiet = gradlab("verify", "wrong_tanh:step", *QUICK, "--quiet")
    assert quiet.code == 1
    assert "ok" not in quiet.out
    assert "WRONG" in quiet.out


@pytest.mark.parametrize("words", [("wrong_tanh:step", "--surrogate"), ("declared_tanh:step",)])
def test_a_declared_surrogate_exits_with_0(folder, words):
    said = gradlab("verify", *words, *QUICK, "--json")
    assert said.code == 0
    found = document(said.out)
    assert (found["status"], found["tried"]["surrogate"]) == ("ok", True)
    rows = {(row["name"], row["T"]): row for row in found["data"]}
    assert rows["reverse = differences", 2]["result"] == "declared"
    assert rows["reverse = differences", 2]["error"] > 0.01
    for name in ("scan = loop", "alone = padded", "autodiff = backpropagate"):
        assert rows[name, 2]["result"] == "ok"
    assert (rows["reverse = forward", 2]["result"], rows["reverse = forward", 2]["error"]) == ("none", None)


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        (["elmann"], "CELL", "did you mean elman?"),
        (["nobody.has_this:step"], "CELL", "no module called"),
        (["elman", "--hidden", "0"], "--hidden", "1 to 256"),
        (["elman", "--hidden", "257"], "--hidden", "1 to 256"),
        (["elman", "--inputs", "x"], "--inputs", "whole number"),
        (["elman", "--lengths", "0,2"], "--lengths", "1 to 1000"),
        (["elman", "--lengths", "2,2"], "--lengths", "name each value once"),
        (["elman", "--scale", "0.0,1.0"], "--scale", "a positive number"),
        (["elman", "--points", "101"], "--points", "1 to 100"),
        (["elman", "--seed", "-1"], "--seed", "0 to 2**63 - 1"),
        ([], "cell", "see gradlab verify --help"),
    ],
)
def test_what_cannot_be_checked_exits_with_2_in_one_line(arguments, where, words):
    said = gradlab("verify", *arguments)
    assert (said.code, said.out) == (2, "")
    line = said.err.removesuffix("\n")
    assert line.startswith(f"error: {where}")
    assert line.isprintable()
    assert words in line
