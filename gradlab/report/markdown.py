"""The report in Markdown, its pictures beside it."""

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from gradlab.escaping import markdown
from gradlab.report.made import IN_PYTHON
from gradlab.report.table import Table
from gradlab.report.words import clean

if TYPE_CHECKING:
    from gradlab.report.page import Part, Report

_START = re.compile(r"^([-+=]|\d+(?=[.)]))")


def escape(text: str) -> str:
    r"""Text that Markdown shows as it is, on one line.

    >>> escape("*a* <b>")
    '\\*a\\* &lt;b&gt;'
    """
    return markdown(" ".join(clean(text).split()))


def paragraph(text: str) -> str:
    r"""As `escape`, where a line begins: no list, no heading, no rule comes of it.

    >>> paragraph("1. x"), paragraph("- x")
    ('1\\. x', '\\- x')
    """
    return _START.sub(lambda found: found[1] + "\\" if found[1].isdigit() else f"\\{found[1]}", escape(text))


def fenced(text: str) -> str:
    """Text as a block of code that nothing in it can end."""
    text = clean(text)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"


def write(report: "Report", folder: str, mark: str) -> tuple[str, dict[str, str]]:
    """The text, and its pictures by file name; `folder` is where it looks for them."""
    pictures: dict[str, str] = {}
    blocks = [f"<!-- {mark} -->", f"# {escape(report.title)}"]
    blocks += [block for part in report.parts for block in _answer(part, len(report.parts) > 1)]
    blocks += [f"> {paragraph(note)}" for note in report.notes]
    blocks += _figures(report.parts, folder, pictures)
    blocks += ["## Tables"]
    blocks += _table(report.comparison, "") if report.comparison else []
    for part in report.parts:
        for table in part.tables:
            blocks += _table(table, f", {part.name}" if len(report.parts) > 1 else "")
    blocks += ["## How it was made"]
    blocks += [block for part in report.parts for block in _made(part, len(report.parts) > 1)]
    return "\n\n".join(blocks) + "\n", pictures


def _figures(parts: "list[Part]", folder: str, pictures: dict[str, str]) -> list[str]:
    """The figures of every run, put into `pictures` under the names by which the text calls them."""
    blocks = ["## Figures"] if any(part.pictures for part in parts) else []
    for i, part in enumerate(parts):
        for k, picture in enumerate(part.pictures):
            name = f"{i + 1}-{k + 1}-{picture.title.lower().replace(' ', '-')}.svg"
            pictures[name] = picture.svg
            which = f"{picture.title}, {part.name}" if len(parts) > 1 else picture.title
            link = f"![{escape(picture.title)}]({quote(folder)}/{name})"
            blocks += [f"### {escape(which)}", link, paragraph(picture.caption)]
    return blocks


def _answer(part: "Part", several: bool) -> list[str]:
    """The question, the verdict and the findings of a run."""
    blocks = [f"## {escape(part.name)}"] if several else []
    blocks += [paragraph(part.question)]
    blocks += [f"**{escape(part.partial)}**"] if part.partial else []
    blocks += [f"**{escape(part.verdict)}**"]
    if part.details:
        blocks += ["\n".join(f"- **{escape(name)}**: {escape(said)}" for name, said in part.details)]
    if part.findings:
        blocks += [f"Findings: {escape(part.counts)}."]
        rows = [
            f"- **{found.status}**: {escape(found.text.rstrip('.'))}: {escape(found.sentence)}"
            for found in part.findings
        ]
        blocks += ["\n".join(rows)]
    return blocks + [f"> {paragraph(note)}" for note in part.notes]


def _table(table: Table, where: str) -> list[str]:
    head = [escape(column.name) for column in table.columns]
    rule = ["--:" if column.numeric else "---" for column in table.columns]
    body = [[escape(entry.text) for entry in row] for row in table.rows]
    lines = [f"| {' | '.join(cells)} |" for cells in [head, rule, *body]]
    blocks = [f"### {escape(table.title + where)}", "\n".join(lines)]
    meanings = [f"{column.name}: {column.meaning}" for column in table.columns if column.meaning]
    return [
        *blocks,
        *([paragraph(table.caption)] if table.caption else []),
        *([paragraph("; ".join(meanings) + ".")] if meanings else []),
    ]


def _made(part: "Part", several: bool) -> list[str]:
    facts = part.facts
    blocks = [f"### {escape(part.name)}"] if several else []
    blocks += [fenced(facts.command) if facts.words else paragraph(IN_PYTHON)]
    for title, pairs in (
        ("Setting", facts.settings),
        ("Version", facts.versions),
        ("File, SHA-256", facts.digests),
    ):
        if pairs:
            rows = [f"| {escape(key)} | {escape(value)} |" for key, value in pairs.items()]
            blocks += ["\n".join([f"| {title} | |", "| --- | --- |", *rows])]
    return blocks + [paragraph(note) for note in facts.notes]
