"""`gradlab verify`: is a cell's gradient right?"""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from gradlab.judging import Check


def command(
    cell: Annotated[
        str, typer.Argument(help="A cell, such as lstm or 'elman(activation=relu)', or package.module:Name.")
    ],
    hidden: Annotated[str, typer.Option("--hidden", "-N", help="Hidden units N.")] = "4",
    inputs: Annotated[str, typer.Option("--inputs", "-D", help="Input dimension D.")] = "3",
    seed: Annotated[str, typer.Option("--seed", help="Seed of weights, state and inputs.")] = "0",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what is wrong.")] = False,
) -> int:
    """Check a cell's gradient in every way there is, in float64, and name what is wrong.

    Compares a scan with a Python loop, reverse with forward mode, both with finite differences, padded with
    separate sequences and gradlab's own backward pass with JAX's, at T = 1, 2 and 17, and for two layers.
    """
    from gradlab import runtime
    from gradlab.registry import number
    from gradlab.status import Exit, GradlabError, shown

    sizes = [
        int(number(option, text, text, int)) for option, text in (("--inputs", inputs), ("--hidden", hidden))
    ]
    for option, count in zip(("--inputs", "--hidden"), sizes, strict=True):
        if not 1 <= count <= MOST:
            raise GradlabError(option, f"{shown(count)} is out of range; 1 to {MOST}")
    base = int(number("--seed", seed, seed, int))
    if not 0 <= base < 2**63:
        raise GradlabError("--seed", f"{shown(base)} is out of range; 0 to 2**63 - 1")
    runtime.configure()
    try:
        checks = _checks(cell, sizes, base)
    except GradlabError as error:
        raise GradlabError("CELL", error.what, error.code) from error
    code = Exit.FAILED if any(check.result == "WRONG" for check in checks) else Exit.OK
    if as_json:
        print(_document(cell, checks, code))
    else:
        _show(checks, quiet)
    return int(code)


MOST = 256
"""Units that a gradient is checked with at most: more take longer and show no more."""


def _verified(spec: str, asked: "Asked") -> "Verification":
    """The checks of networks drawn in float64, away from a state of zeros."""
    from gradlab import registry

    made = registry.make("cells", spec)
    import jax

    from gradlab.draw import stream
    from gradlab.verify import verify

    initializer = registry.make("initializers", "gaussian")
    d_in, d_hidden = asked.sizes

    def point(number: int) -> Any:
        more = f" {number}" if number > 1 else ""
        keys = {name: stream(asked.seed, f"{name}{more}") for name in ("weights", "state", "inputs")}
        params, state = made.init(keys["weights"], d_in, d_hidden, 1.0, initializer)
        leaves, structure = jax.tree.flatten(state)
        drawn = zip(leaves, jax.random.split(keys["state"], len(leaves)), strict=True)
        moved = [leaf + 0.5 * jax.random.normal(key, leaf.shape, leaf.dtype) for leaf, key in drawn]
        xs = jax.random.normal(keys["inputs"], (max(asked.lengths), d_in), float)
        return params, jax.tree.unflatten(structure, moved), xs

    with jax.enable_x64(True):
        points = [point(number) for number in range(1, asked.points + 1)]
        above = made.init(stream(asked.seed, "above"), d_hidden, d_hidden, 1.0, initializer)
        # The readout must be an input of the layer above.
        readout = jax.eval_shape(made.readout, points[0][1])
        fits = getattr(readout, "shape", None) == (d_hidden,)
        return verify(
            made.step,
            *points[0],
            readout=made.readout,
            above=above if fits else None,
            gates=made.gates,
            lengths=asked.lengths,
            scales=asked.scales,
            points=points[1:],
            surrogate=asked.surrogate or getattr(made, "surrogate", False),
        )


def _show(checks: "list[Check]", quiet: bool) -> None:
    shown = [check for check in checks if check.result != "ok"] if quiet else checks
    if shown:
        print(f"{'check':<21}  {'T':>2}  {'error':>7}  result")
    for check in shown:
        error = "-" if check.result == "none" else f"{check.error:.1e}"
        line = f"{check.name:<21}  {check.T:>2}  {error:>7}  {check.result:<5}  {check.where}".rstrip()
        print(line if len(line) <= 80 else f"{line[:77]}...")
    wrong = sum(check.result == "WRONG" for check in checks)
    if not quiet:
        agree = sum(check.result == "ok" for check in checks)
        print(f"\n{agree} of {len(checks)} checks agree" + (f", {wrong} WRONG" if wrong else ""))
        print("error: largest difference, relative to the largest of its parameter or step")


def _document(spec: str, checks: "list[Check]", code: int) -> str:
    """The checks as one JSON document: numbers are finite or null."""
    import json
    import math

    rows = []
    for check in checks:
        row = check._asdict() | {"where": check.where}
        rows.append(row | {"error": check.error if math.isfinite(check.error) else None})
    head = {"schema": "gradlab.verify/1", "status": "wrong" if code else "ok", "exit_code": int(code)}
    return json.dumps(head | {"cell": spec, "data": rows}, allow_nan=False, indent=1)
