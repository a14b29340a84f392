"""The gate for a checkpoint is a script of commands that exist, with all their options."""

import re
import shlex

import typer

from gradlab.cli import app
from tests.examples.shown import HOME


def test_its_commands_exist_with_all_their_options():
    text = (HOME / "checkpoint_gate.sh").read_text().replace("\\\n", " ").replace('"$@"', "weights.npz")
    lines = [
        line.partition("gradlab ")[2] for line in text.splitlines() if re.match(r"[^#]*\bgradlab ", line)
    ]
    assert [line.split()[0] for line in lines] == ["measure", "baseline", "check"]
    root = typer.main.get_command(app())
    for words in map(shlex.split, lines):
        with root.make_context("gradlab", list(words)) as context:
            _, found, rest = root.resolve_command(context, context._protected_args + context.args)
            found.make_context(words[0], rest, parent=context)
