"""`gradlab verify`: is a cell's gradient right?"""

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from gradlab import schemas
from gradlab.cli import _options, _output

if TYPE_CHECKING:
    from gradlab.gradcheck.compare import Check
    from gradlab.gradcheck.verify import Verification
    from gradlab.planning.plan import Plan


class Asked(NamedTuple):
    """What the options ask for."""

    sizes: tuple[int, int]
    """D and N."""
    seed: int
    lengths: tuple[int, ...]
    scales: tuple[float, ...]
    points: int
    surrogate: bool


def command(
    cell: Annotated[
        str, typer.Argument(help="A cell, such as lstm or 'elman(activation=relu)', or package.module:Name.")
    ],
    hidden: Annotated[str, typer.Option("--hidden", "-N", help="Hidden units N.")] = "4",
    inputs: Annotated[str, typer.Option("--inputs", "-D", help="Input dimension D.")] = "3",
    lengths: Annotated[str, typer.Option("--lengths", "-T", help="Sequence lengths.")] = "1,2,17,41",
    scale: Annotated[str, typer.Option("--scale", help="Multiply the inputs by.")] = "0.1,1,5",
    points: Annotated[str, typer.Option("--points", help="Networks, states and inputs to draw.")] = "2",
    seed: Annotated[str, typer.Option("--seed", help="Seed of weights, state and inputs.")] = "0",
    surrogate: Annotated[
        bool, typer.Option("--surrogate", help="The backward pass differs from the derivative on purpose.")
    ] = False,
    device: _options.Device = "auto",
    as_json: _options.AsJson = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only what is wrong.")] = False,
    dry_run: _options.DryRun = False,
) -> int:
    """Check a cell's gradient in every way there is, in float64, and name what is wrong.

    Compares a scan with a Python loop, reverse with forward mode through the step's own arithmetic, both
    with finite differences, padded with separate sequences and gradlab's own backward pass with JAX's; looks
    for operations that leave float64; and tries two layers. It says what it has not tried.
    """
    from gradlab import runtime
    from gradlab.errors import Exit, GradlabError

    asked = _asked(hidden, inputs, lengths, scale, points, seed, surrogate)
    runtime.configure(device)
    runtime.pick(device, 0.0)
    runtime.require_device(device)
    try:
        made, planned = _planned(cell, asked)
        if dry_run:
            _say(planned, as_json)
            return 0
        found = _verified(cell, made, asked, planned, quiet)
    except GradlabError as error:
        raise GradlabError("CELL", error.what, error.code) from error
    code = Exit.FAILED if found.wrong else Exit.INCONCLUSIVE if found.empty else Exit.OK
    if as_json:
        _output.say_json(_document(cell, found, code), 1)
    else:
        _show(found, quiet)
    return int(code)


MOST = {"--hidden": 256, "--inputs": 256, "--lengths": 1000, "--points": 100}
"""More takes longer and shows no more."""


def _asked(
    hidden: str, inputs: str, lengths: str, scale: str, points: str, seed: str, surrogate: bool
) -> Asked:
    """The options as numbers, each within its range."""
    from gradlab.errors import GradlabError, shown
    from gradlab.ranges import floats, integers
    from gradlab.spelled import number

    values = {
        "--inputs": (int(number("--inputs", inputs, inputs, int)),),
        "--hidden": (int(number("--hidden", hidden, hidden, int)),),
        "--lengths": integers("--lengths", lengths),
        "--points": (int(number("--points", points, points, int)),),
    }
    for option, counts in values.items():
        for count in counts:
            if not 1 <= count <= MOST[option]:
                raise GradlabError(option, f"{shown(count)} is out of range; 1 to {MOST[option]}")
    scales = floats("--scale", scale)
    for factor in scales:
        if factor <= 0:
            raise GradlabError("--scale", f"{shown(factor)} is out of range; a positive number")
    for option, several in (("--lengths", values["--lengths"]), ("--scale", scales)):
        if len(set(several)) < len(several):
            raise GradlabError(option, f"{shown(str(several))} has a value twice; name each value once")
    base = int(number("--seed", seed, seed, int))
    if not 0 <= base < 2**63:
        raise GradlabError("--seed", f"{shown(base)} is out of range; 0 to 2**63 - 1")
    sizes = (values["--inputs"][0], values["--hidden"][0])
    return Asked(sizes, base, values["--lengths"], scales, values["--points"][0], surrogate)


def _planned(spec: str, asked: "Asked") -> tuple[Any, "Plan"]:
    """The cell, and what its checks will take."""
    from gradlab import registry, tried
    from gradlab.gradcheck import plan

    tried.at(*asked.sizes)
    made = registry.make("cells", spec)
    planned = plan.plan(
        registry.spelling(made), made, asked.sizes, asked.lengths, len(asked.scales), asked.points
    )
    plan.check(planned)
    return made, planned


def _say(planned: "Plan", as_json: bool) -> None:
    from gradlab.cli import _planned as planning

    names = {"lengths": "T", "scales": "scale", "points": "point"}
    axes = {name: planned.counts[key] for key, name in names.items()}
    lines = {"cases": f"{planning.grid(axes)} = {planned.counts['cases']}"}
    planning.say(planned, lines, None, as_json)


def _verified(spec: str, made: Any, asked: "Asked", planned: "Plan", quiet: bool) -> "Verification":
    """The checks of networks drawn in float64, away from a state of zeros."""
    import jax
    import jax.numpy as jnp

    from gradlab import registry
    from gradlab.cli._progress import ProgressBar
    from gradlab.gradcheck import plan
    from gradlab.gradcheck.verify import verify
    from gradlab.planning import compiled
    from gradlab.studies.sweep.networks import stream

    initializer = registry.make("initializers", "gaussian")
    d_in, d_hidden = asked.sizes

    def point(number: int) -> Any:
        more = f" {number}" if number > 1 else ""
        keys = {name: stream(asked.seed, f"{name}{more}") for name in ("weights", "state", "inputs")}
        params, state = made.init(keys["weights"], d_in, d_hidden, 1.0, initializer)
        leaves, structure = jax.tree.flatten(state)
        drawn = zip(leaves, jax.random.split(keys["state"], len(leaves)), strict=True)
        moved = [
            leaf + 0.5 * jax.random.normal(key, leaf.shape, leaf.dtype)
            if jnp.issubdtype(leaf.dtype, jnp.inexact)
            else leaf
            for leaf, key in drawn
        ]
        xs = jax.random.normal(keys["inputs"], (max(asked.lengths), d_in), float)
        return params, jax.tree.unflatten(structure, moved), xs

    with jax.enable_x64(True):
        points = [point(number) for number in range(1, asked.points + 1)]
        # The readout must be an input of the layer above, which a cell of one size may not be.
        readout = jax.eval_shape(made.readout, points[0][1])
        fits = getattr(readout, "shape", None) == (d_hidden,)
        above = _above(spec, made, stream(asked.seed, "above"), d_hidden) if fits else None
        with ProgressBar(planned, f"checking {spec}", quiet) as bar:

            def told() -> None:
                bar.left.credit(plan.COMPILING, 1.0, computed=True)
                share = 1 / (plan.WAYS * planned.counts["cases"])
                bar.left.credit(plan.CHECKING, share, computed=True)
                bar.show("comparing")

            found = verify(
                made.step,
                *points[0],
                readout=made.readout,
                above=above,
                gates=made.gates,
                lengths=asked.lengths,
                scales=asked.scales,
                points=points[1:],
                surrogate=asked.surrogate or None,
                report=told,
            )
        compiled.note(**plan.of_program(registry.spelling(made), asked.sizes, asked.lengths))
        return found


def _above(spec: str, made: Any, key: Any, d_hidden: int) -> Any:
    """Weights and state of a second layer; None where a cell that its user brings can be none."""
    import jax
    import jax.numpy as jnp

    from gradlab import registry

    try:
        params, state = made.init(key, d_hidden, d_hidden, 1.0, registry.make("initializers", "gaussian"))
        jax.eval_shape(made.step, params, state, jnp.zeros(d_hidden))
    except Exception:
        if registry.is_foreign("cells", spec):
            return None
        raise
    return params, state


WIDTH = 80


def _show(found: "Verification", quiet: bool) -> None:
    import textwrap

    checks, tried = found.checks, found.tried
    only = ("none",) if found.empty else ("WRONG",)
    shown = [check for check in checks if check.result in only] if quiet else checks
    if shown:
        _output.say(f"{'check':<21}  {'T':>4}  {'error':>7}  {'limit':>7}  result")
    for check in shown:
        _output.say(_row(check))
    if quiet:
        return
    counts = {word: sum(check.result == word for check in checks) for word in ("ok", "declared", "WRONG")}
    more = "".join(f", {counts[word]} {word}" for word in ("declared", "WRONG") if counts[word])
    _output.say(f"\n{counts['ok']} of {len(checks)} checks agree{more}")
    _output.say("error: largest difference, relative to the largest of its parameter or step;")
    _output.say("limit: the largest that would have passed, of any case")
    gaps = "; ".join(tried.not_done)
    same = "" if found.wrong or not tried.rules else " (no difference in what was tried)"
    remark = tried.remark + ("" if tried.surrogate else same)
    for words in (f"tried: {tried.done}", f"not tried: {gaps}", remark, _advice(found)):
        if words:
            _output.say(textwrap.fill(words, WIDTH, break_on_hyphens=False))


def _advice(found: "Verification") -> str:
    """What to do about a derivative that is meant to be another."""
    if not (found.wrong and found.tried.rules) or found.tried.surrogate:
        return ""
    return "if the backward pass differs on purpose, say so: --surrogate, or gradlab.surrogate"


def _row(check: "Check") -> str:
    """One line, and more where what is wrong does not fit beside it."""
    import math
    import textwrap

    error, limit = (f"{x:.1e}" if math.isfinite(x) else "-" for x in (check.error, check.limit))
    line = f"{check.name:<21}  {check.T:>4}  {error:>7}  {limit:>7}  {check.result:<8}  "
    if len(line + check.where) <= WIDTH:
        return (line + check.where).rstrip()
    beside = textwrap.fill(
        check.where, WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
    )
    return f"{line.rstrip()}\n{beside}"


def _document(spec: str, found: "Verification", code: int) -> dict[str, Any]:
    """The checks, and what was tried, as one JSON document: numbers are finite or null."""
    import math

    rows = []
    for check in found.checks:
        row = check._asdict() | {"where": check.where}
        bare = {key: row[key] if math.isfinite(row[key]) else None for key in ("error", "limit")}
        rows.append(row | bare)
    status = {0: "ok", 1: "wrong"}.get(code, "undecided")
    head = {"schema": schemas.newest("verify"), "status": status, "exit_code": int(code)}
    body = {"cell": spec, "tried": found.tried.document(), "data": rows}
    return head | body
