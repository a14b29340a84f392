"""Putting a report together and writing it: one HTML file, and Markdown with its pictures beside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from gradlab import __version__
from gradlab.errors import size
from gradlab.findings.finding import Finding
from gradlab.report import explorer, figures, made, markdown, tabular, verdict
from gradlab.report.figures import Picture
from gradlab.report.made import Facts
from gradlab.report.question import question
from gradlab.report.sources import Source
from gradlab.report.table import Table
from gradlab.report.words import clean, listed
from gradlab.studies import base
from gradlab.studies.sweep.columns import undefined
from gradlab.studies.sweep.rows import whole

LARGEST = 8_000_000
"""Bytes of a report that can still be mailed and opened at once."""
MAP = 3_000_000
"""Bytes of the numbers of its interactive map."""
EXPLORER = ("ticks.js", "canvas.js", "explorer.js")
MARK = "gradlab report"
"""What tells a report from a file that somebody else wrote."""
_POWER = re.compile(r"\b10\^([−+]?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Part:
    """What a report says of one run."""

    name: str
    question: str
    verdict: str
    partial: str
    details: list[tuple[str, str]]
    """What became of each remedy of a comparison."""
    findings: tuple[Finding, ...]
    counts: str
    pictures: list[Picture]
    tables: list[Table]
    facts: Facts
    notes: list[str]


@dataclass(frozen=True)
class Report:
    """A report before it is written."""

    title: str
    parts: list[Part]
    comparison: Table | None
    data: str
    """Of the interactive map, as JSON; empty if there is none."""
    notes: list[str]


class Written(NamedTuple):
    """What a report came to in HTML, in Markdown, and the pictures of the Markdown by file name."""

    html: str
    markdown: str
    pictures: dict[str, str]
    notes: list[str]


def compose(sources: Sequence[Source], title: str | None = None) -> Report:
    """Everything a report says; several runs get names that tell them apart."""
    names = _names(sources)
    parts = [
        _part(source, name, f"r{i + 1}-") for i, (source, name) in enumerate(zip(sources, names, strict=True))
    ]
    tables = [(part.name, part.tables[0]) for part in parts if part.tables]
    together = tabular.compared(tables) if len(tables) > 1 else None
    report = Report(title or listed(names), parts, together, "", [])
    return _with_map(report, list(zip(names, sources, strict=True)))


def _names(sources: Sequence[Source]) -> list[str]:
    """Folder names, with the folder above where two are alike, and a number where that does not help."""
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        names = [f"{source.folder.resolve().parent.name}/{source.name}" for source in sources]
    return [f"{name} ({i + 1})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def _part(source: Source, name: str, prefix: str) -> Part:
    found = [finding.status for finding in source.findings]
    counts = [
        f"{found.count(word)} {word}"
        for word in ("passed", "failed", "inconclusive", "note")
        if word in found
    ]
    return Part(
        name=name,
        question=question(source),
        verdict=verdict.verdict(source),
        partial=verdict.partial(source.progress),
        details=verdict.details(source),
        findings=source.findings,
        counts=", ".join(counts),
        pictures=figures.pictures(source, prefix),
        tables=tabular.of(source),
        facts=made.facts(source.about, undefined(source.run.norms), source.folder),
        notes=source.notes,
    )


def _with_map(report: Report, named: list[tuple[str, Source]]) -> Report:
    """The report with its interactive map, or with the reason why it has none."""
    if not any(base.tables(source.command) == "sweep" and not whole(source.run.norms) for _, source in named):
        return report
    data = explorer.payload(named, min(MAP, LARGEST - 200_000 - len(html(report).encode())))
    if data is None:
        note = f"The interactive map is left out: the report would exceed {size(LARGEST)}."
        return replace(report, notes=[note])
    return replace(report, data=data)


def render(report: Report, folder: str = "report_files") -> Written:
    """The report as texts; `folder` is where the Markdown looks for its pictures."""
    page = html(report)
    notes = [*report.notes, *(note for part in report.parts for note in part.notes)]
    if len(page.encode()) > LARGEST:
        notes.append(f"The report takes {size(len(page.encode()))}; fewer runs at once make it smaller.")
    text, pictures = markdown.write(report, folder, MARK)
    return Written(page, text, pictures, notes)


def html(report: Report) -> str:
    """The report as one self-contained page."""
    from markupsafe import Markup

    environment = _environment()
    raw = {name: Markup(_text(name)) for name in ("page.css", "page.js", *EXPLORER)}
    kinds = list(dict.fromkeys(picture.spec for part in report.parts for picture in part.pictures))
    text: str = environment.get_template("page.html.j2").render(
        report=report,
        kinds=kinds,
        css=raw["page.css"],
        scripts=[raw["page.js"], *(raw[name] for name in EXPLORER if report.data)],
        data=Markup(report.data),
        svg=Markup,
        mark=MARK,
        version=__version__,
        in_python=made.IN_PYTHON,
    )
    return text


def powers(text: str) -> Any:
    """Text for a page, with powers of ten raised.

    >>> powers("1 < 10^−3")
    Markup('1 &lt; 10<sup>−3</sup>')
    """
    from markupsafe import Markup, escape

    return Markup(_POWER.sub(r"10<sup>\1</sup>", str(escape(clean(text)))))


@cache
def _environment() -> Any:
    """Templates in which every value is escaped, and shows what cannot be printed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    def plain(value: Any) -> Any:
        return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    loader = FileSystemLoader(Path(__file__).parent)
    made = Environment(
        loader=loader,
        autoescape=True,
        finalize=plain,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["powers"] = powers
    return made


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
