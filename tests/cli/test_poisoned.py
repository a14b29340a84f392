"""Whatever stands in a file is text on a terminal, in a log, and in every file that is written from it.

A sweep, a comparison, a baseline and a settings file are poisoned in every text that they hold; every command
that reads files walks over them. It may refuse them, in a line that is as clean as the rest.
"""

import csv
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from gradlab import cli, registry
from gradlab.cli import _terminal
from gradlab.escaping import terminal
from gradlab.findings import baseline
from gradlab.studies.sweep import results
from tests import made_runs, trials
from tests.cli.calling import document, gradlab
from tests.studies.measure import given_networks

CONTROL = (
    "=cmd()\x1b[31m\x1b]0;t\x07\r\n::error::a\x9b\x7f\u202e\u2028b##[error]c[red]<script>zz</script>|$\\frac{"
)
PRINTABLE = "::error file=a::b[red]<script>zz</script>|$\\frac{e}$ ##[error]c `*_ @all =cmd() http://e.org"
POISONS = {
    "control": (CONTROL, (CONTROL, f"{CONTROL} init", CONTROL)),
    "printable": (PRINTABLE, (PRINTABLE, f"{PRINTABLE} init", PRINTABLE)),
    "sentences": (PRINTABLE, ("gru", "orthogonal", "truncate(k=4)")),
}
"""What texts are, and what a cell, a start and an arm are called: readers may refuse a name that none has."""
SGR = re.compile(r"\x1b\[[\d;]*m")
SWEEP = [kind for kind in registry.names("plots") if registry.home("plots", kind).READS == "sweep"]
TRAINED = [kind for kind in registry.names("plots") if registry.home("plots", kind).READS == "remedies"]
ASKED = ("--arch", "rnn", "--activation", "tanh", "-T", "4")
NO_FILES = {"doctor", "lesson", "verify", "sweep", "remedies"}
"""Commands that read no file of somebody else's."""


def words(place):
    """Every command that takes a run, a baseline or a settings file, over all that is poisoned."""
    run, other, trained, base = (str(place / name) for name in ("run", "other", "trained", "base.json"))
    out = place / "out"
    shown = [("show", one) for one in (run, trained)]
    plots = [("plot", run, kind) for kind in SWEEP] + [("plot", trained, kind) for kind in TRAINED]
    plots.append(("plot", run, "--x", "cell", "--y", "rate"))
    return {
        "neurons": [("neurons", run, "--terminal")],
        "show": shown,
        "plot": [(*one, *more) for one in plots for more in (("--terminal",), ())],
        "report": [("report", run, "-o", out / "run.html"), ("report", trained, "-o", out / "trained.html")],
        "check": [
            ("check", run),
            ("check", trained),
            ("check", other, "--baseline", base, "--junit", out / "junit.xml", "--github"),
        ],
        "diff": [("diff", run, other), ("diff", run, trained)],
        "baseline": [
            ("baseline", "create", run, "-o", out / "made.json"),
            ("baseline", "create", trained, "-o", out / "none.json"),
            ("baseline", "show", base),
            ("baseline", "update", other, base),
        ],
        "export": [
            *[("export", run, "--to", name) for name in ("csv", "openmetrics", "github_benchmark")],
            ("export", trained, "--to", "csv"),
        ],
        "run": [("run", place / "asked.toml", "--dry-run"), ("run", place / "wrong.toml", "--dry-run")],
        "list": [("list", "experiments")],
        "merge": [("merge", place / "one", place / "two"), ("merge", place / "one")],
        "measure": [
            ("measure", place / "w.npz", *ASKED, "--data", place / "named.csv", "--dry-run"),
            ("measure", place / "w.npz", *ASKED, "--data", place / "said.csv", "--dry-run"),
        ],
    }


def poisoned(poison, names):
    """Two sweeps and a comparison that say it wherever they hold text."""
    cell, init, arm = names
    norms = {"cells": (cell, "elman"), "inits": (init,), "w_rec": (0.5, 2.0), "T": (4, 8)}
    norms["seeds"] = 3
    claim = {"text": poison, "metric": "rate", "where": {"cell": cell}, "below": 0.0}
    facts = {"question": poison, "bound": poison, "git": {"branch": poison, "commit": poison}}
    facts |= {"claims": [claim]}
    facts |= {
        "versions": made_runs.VERSIONS | {poison: poison, "jax": poison},
        "figures": [poison, "profile"],
    }
    sweep = made_runs.run(**norms, about=facts)
    both = trials.made_up(trials.result(seeds=4, broken=1), trials.result(arm, seeds=4, broken=2))
    both.about.update(facts)
    return sweep, made_runs.run(**norms, about=facts, seed=1, gain=1.5), both


@pytest.fixture(scope="module")
def place(request, tmp_path_factory):
    """A folder with everything poisoned in it."""
    place, (poison, names) = tmp_path_factory.mktemp("poisoned"), POISONS[request.param]
    sweep, other, both = poisoned(poison, names)
    results.write(place / "run", sweep)
    results.write(place / "other", other)
    trials.remedies_results.write(place / "trained", both)
    (place / "out").mkdir()
    baseline.write(place / "base.json", baseline.create(sweep, force=True))
    found = [{"text": poison, "status": "failed", "sentence": poison}, {"status": poison, "metric": poison}]
    (place / "run" / "findings.json").write_text(json.dumps({"data": found}))
    (place / "run" / "failures.jsonl").write_text(json.dumps({"cell": poison, "message": poison}) + "\n")
    said = json.dumps(poison).replace("\x7f", "\\u007f")
    asked = 'question = {}\n[sweep]\ncell = "{}"\nw_rec = [0.5]\nT = [4]\n'
    (place / "asked.toml").write_text(asked.format(said, "elman"), encoding="utf-8")
    (place / "wrong.toml").write_text(asked.format('"a"', "elman") + f"{said} = 1\n", encoding="utf-8")
    given_networks.write(place)
    header = json.dumps(poison.replace('"', "'"))
    (place / "named.csv").write_text(f"{header},b\n" + "1,2\n" * 9, encoding="utf-8")
    (place / "said.csv").write_text(f"a,b\n1,{header}\n", encoding="utf-8")
    for name, more in (("one", {}), ("two", {f"{poison} too": poison})):
        (place / name).mkdir()
        asked = {"cell": [poison], poison: poison} | more
        begun = {"settings": asked, "versions": {poison: poison}, "share": poison}
        (place / name / "begun.json").write_text(json.dumps(begun))
    (place / "experiments").mkdir()
    (place / "experiments" / "asked.toml").write_text((place / "asked.toml").read_text())
    return place


def is_text(text, commands=0):
    """Nothing controls a terminal; no line but so many is a command to CI."""
    wild = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not wild, [text[max(text.index(c) - 60, 0) :][:120] for c in wild[:3]]
    assert sum(line.lstrip().startswith("::") for line in text.splitlines()) <= commands, text
    assert not re.search(r"##\w*\[", text), text


def is_text_in_a_file(path):
    """A file that was written holds the poison as text of its own kind."""
    kind = path.suffix
    if kind not in (".svg", ".html", ".md", ".csv", ".json", ".xml", ".txt"):
        return
    text = path.read_text(encoding="utf-8")
    if kind == ".csv":
        assert not [cell for row in csv.reader(io.StringIO(text)) for cell in row if re.match("[=@]", cell)]
    if kind in (".svg", ".html", ".md", ".xml"):
        assert "<script>zz" not in re.sub(r"^```sh\n.*?\n```$", "", text, flags=re.DOTALL | re.MULTILINE)
    if kind == ".json":
        document(text)
    if kind in (".svg", ".xml"):
        xml.fromstring(text)
    text = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
    wild = [c for c in text if c not in "\n\t" and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp")]
    assert not wild, (path, wild[:3])


def walks():
    often = {"printable": ("show", "report"), "sentences": ("show", "check")}
    for poison in POISONS:
        for command in words(Path()):
            slow = poison in often and command not in often[poison]
            yield pytest.param(poison, command, marks=pytest.mark.slow if slow else ())


@pytest.mark.ends
@pytest.mark.parametrize(("place", "command"), list(walks()), indirect=["place"])
def test_it_is_text_wherever_it_goes(place, request, monkeypatch, command):
    monkeypatch.chdir(place)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    codes = []
    for asked in words(place)[command]:
        before = set(place.rglob("*"))
        said = gradlab(*asked)
        codes.append(said.code)
        assert said.code in (0, 1, 2, 3, 4), (asked, said)
        is_text(said.out)
        is_text(said.err, commands=20 if "--github" in asked else 0)
        assert said.code != 2 or len(said.err.removeprefix("error: ")) <= 300
        for path in {path for path in place.rglob("*") if path.is_file()} - before:
            is_text_in_a_file(path)
        if command not in ("baseline", "list", "plot"):
            both = gradlab(*asked, "--json")
            is_text(both.out)
            assert document(both.out)["exit_code"] == both.code == said.code
    # A sweep is no run that `neurons` shows, and shares of such settings are of no run: they are refused.
    if "sentences" in request.node.callspec.id and command not in ("neurons", "measure", "merge"):
        assert {0, 1, 4} & set(codes)


@pytest.mark.ends
@pytest.mark.parametrize("place", POISONS, indirect=True)
@pytest.mark.parametrize("command", ["show", "check", pytest.param("plot", marks=pytest.mark.slow)])
def test_a_terminal_gets_colours_and_nothing_else(place, monkeypatch, command):
    """With rich's own sequences taken out, what a terminal gets is what a pipe gets."""
    for asked in words(place)[command][:3]:
        piped = gradlab(*asked)
        with monkeypatch.context() as patch:
            patch.setattr(_terminal, "color", lambda: True)
            shown = gradlab(*asked)
        assert (shown.code, SGR.sub("", shown.out), shown.err) == (piped.code, piped.out, piped.err)


@pytest.mark.parametrize("place", ["control", "printable"], indirect=True)
def test_names_are_shown_as_they_are(place):
    """What is harmless is not mangled: markup of rich, HTML and mathematics stands there literally."""
    said = gradlab("show", place / "run")
    assert said.code == 2 or "[red]<script>zz</script>|$\\frac{" in said.out


def test_every_command_that_reads_files_is_walked():
    known = {command.name for command in cli.app().registered_commands}
    assert known == set(words(Path())) | NO_FILES


@pytest.mark.parametrize("line", ["::error::a", " ::warning::b", "\u2003::c", "##[error]d", "x##vso[e]f"])
def test_no_line_is_a_command_to_ci(line):
    is_text(terminal(f"a\n{line}\nb"))
    assert terminal(line) != line
