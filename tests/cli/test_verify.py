"""`gradlab verify`: its table, its document, its exit codes."""

import pytest

from tests.cli.calling import document, gradlab

SMALL = ("--hidden", "2", "--inputs", "1")
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


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong_tanh.py").write_text(WRONG)


def test_a_right_cell_exits_with_0_in_a_table_of_80_columns():
    said = gradlab("verify", "elman", *SMALL)
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["check", "T", "error", "result"]
    assert "19 of 19 checks agree" in lines
    assert sum(line.endswith("  ok") for line in lines) == 19
    assert lines[19].startswith("two layers")


def test_a_wrong_cell_exits_with_1_and_is_named(folder):
    said = gradlab("verify", "wrong_tanh:step", *SMALL, "--json")
    assert said.code == 1
    found = document(said.out)
    assert (found["schema"], found["status"], found["exit_code"]) == ("gradlab.verify/1", "wrong", 1)
    rows = {(row["name"], row["T"]): row for row in found["data"]}
    wrong = rows["reverse = differences", 17]
    assert (wrong["result"], wrong["step"]) == ("WRONG", 17)
    assert wrong["parameter"] in ("w_in", "w_rec")
    assert wrong["where"].endswith("(+1), step 17")
    # JAX follows the rule that it was given, everywhere alike; and that rule has no forward mode.
    assert rows["scan = loop", 17]["result"] == "ok"
    assert rows["reverse = forward", 17]["result"] == "none"
    assert rows["reverse = forward", 17]["error"] is None


@pytest.mark.parametrize(
    ("arguments", "where", "words"),
    [
        (["elmann"], "CELL", "did you mean elman?"),
        (["nobody.has_this:step"], "CELL", "no module called"),
        (["elman", "--hidden", "0"], "--hidden", "1 to 256"),
        (["elman", "--hidden", "257"], "--hidden", "1 to 256"),
        (["elman", "--inputs", "x"], "--inputs", "whole number"),
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
