"""`gradlab check`: judge a run's own claims."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gradlab.cli import _options, _output
from gradlab.errors import GradlabError
from gradlab.escaping import plain

FEW = 20
"""With more findings than that, what passed and notes are only counted."""

if TYPE_CHECKING:
    from gradlab.findings.finding import Finding


def command(
    run: Annotated[Path, typer.Argument(help="A run's folder, such as results/NAME.")],
    baseline: Annotated[
        Path | None,
        typer.Option("--baseline", help="Compare with this file of `gradlab baseline create`, too."),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", help="Write the findings as JUnit XML.")] = None,
    github: Annotated[
        bool | None,
        typer.Option(
            "--github/--no-github", help="Annotations and step summary; on by itself under Actions."
        ),
    ] = None,
    as_json: _options.AsJson = False,
) -> int:
    """Judge the claims that a run was made with, and compare it with a baseline.

    Exit 0 if all hold, 1 if one failed, 4 if one is inconclusive or there is nothing to judge. Reads files
    alone: needs neither jax nor the settings file.
    """
    from gradlab.findings import baseline as baselines
    from gradlab.findings import claims, finding, formats, judge
    from gradlab.runs import manifest
    from gradlab.studies import base

    found = base.read(run)
    for said in manifest.of_code(found.about):
        _output.note(said)
    question, mixed = str(found.about.get("question", "")), manifest.of_mixed(found.about)
    made = judge.judge(found, claims.of(found, str(run)))
    alone = baseline is None
    if baseline is not None:
        if (kind := base.tables_of(found)) != "sweep":
            raise GradlabError("--baseline", f"compares sweeps; this is a run of gradlab {kind}")
        made += baselines.compare(found, baselines.read(baseline))
    if junit is not None or _under_actions(github):
        formats.publish(made, title=question or str(run), junit=junit, github=github, mixed=mixed)
    code = int(finding.exit_code(made))
    if alone or as_json:
        show(question, made, found, run, code, as_json)
    else:
        for one in made:
            if one.status in ("failed", "inconclusive") or len(made) < FEW:
                _output.say(plain(f"{one.status}: {one.sentence}"))
        _output.say(finding.count(made))
    return code


def _under_actions(github: bool | None) -> bool:
    return os.environ.get("GITHUB_ACTIONS") == "true" if github is None else github


def show(question: str, made: "list[Finding]", found: Any, folder: Path, code: int, as_json: bool) -> None:
    """Print findings of the run `found` on stdout; `code` is what the command ends with."""
    from gradlab.cli import _terminal
    from gradlab.findings import finding

    if as_json:
        of_run = _terminal.document(found)
        told = finding.document(question, made, of_run.get("mixed", ""), of_run.get("forecast"))
        _output.say_json(told | {"exit_code": code, "run_dir": str(folder)}, 1)
        return
    from gradlab.cli._findings import render

    _output.say(render(question, made, _terminal.width(), color=_terminal.color()))
