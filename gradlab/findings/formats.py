"""Findings in the forms that other programs read: JSON, JUnit, GitHub's annotations, Markdown.

Names and values are text in all of them. Every form is a function from findings to text; `publish` writes
those that were asked for.
"""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree import ElementTree

from gradlab import escaping
from gradlab.findings.finding import Finding, count, exit_code, place, worst_first
from gradlab.runs.files import replace, storage

ANNOTATIONS = 10
"""GitHub shows so many of a level in one step."""
SUMMARY_BYTES = 256_000
SUMMARY_ROWS = 200
"""GitHub drops a step summary above 1 MiB; readers stop earlier."""
WORDS = {"passed": "ok", "failed": "FAILED", "inconclusive": "INCONCLUSIVE", "note": "note"}


def publish(
    findings: Sequence[Finding], *, title: str, junit: Path | None, github: bool | None, mixed: str = ""
) -> None:
    """Write the JUnit file and speak to GitHub, if asked; None for `github` asks the environment.

    Annotations go to stderr, which GitHub reads as well, so that stdout stays one document. `mixed` says
    which machines have computed the run, if they were not alike; every form then says so.
    """
    if junit is not None:
        with storage(junit):
            junit.parent.mkdir(parents=True, exist_ok=True)
            replace(junit, junit_xml(findings, title, mixed))
    if github or (github is None and os.environ.get("GITHUB_ACTIONS") == "true"):
        to_github(findings, title, os.environ, mixed)


def to_github(
    findings: Sequence[Finding], title: str, environment: Mapping[str, str], mixed: str = ""
) -> None:
    """Print the annotations, and append the step summary to the file that the environment names."""
    for line in annotations(findings, title, mixed):
        with contextlib.suppress(OSError):
            print(line, file=sys.stderr)  # noqa: T201 - the one place that means to command
    if named := environment.get("GITHUB_STEP_SUMMARY"):
        path = Path(named)
        with storage(path), path.open("a", encoding="utf-8") as file:
            file.write(step_summary(findings, title, mixed))


def junit_xml(findings: Sequence[Finding], title: str, mixed: str = "") -> bytes:
    """One test case per finding: failed is a failure, what is inconclusive an error, a note is skipped.

    Without findings there is one test case, an error, so that nothing compared is never green. `mixed` is a
    property of the suite.
    """
    cases = list(findings) or [_nothing()]
    kinds = {"failed": "failure", "inconclusive": "error", "note": "skipped"}
    numbers = {
        name: str(sum(case.status == status for case in cases))
        for name, status in (("failures", "failed"), ("errors", "inconclusive"), ("skipped", "note"))
    }
    head = {"name": escaping.plain(title), "tests": str(len(cases))} | numbers
    root = ElementTree.Element("testsuites", head)
    suite = ElementTree.SubElement(root, "testsuite", head)
    if mixed:
        told = ElementTree.SubElement(suite, "properties")
        ElementTree.SubElement(told, "property", {"name": "mixed", "value": escaping.plain(mixed)})
    for case in cases:
        names = {"classname": f"gradlab.{escaping.plain(case.metric)}", "name": escaping.plain(case.id)}
        node = ElementTree.SubElement(suite, "testcase", names | {"time": "0"})
        said = escaping.plain(case.sentence)
        if kind := kinds.get(case.status):
            inner = ElementTree.SubElement(node, kind, {"message": said})
            inner.text = None if kind == "skipped" else f"{said}\nwanted: {escaping.plain(case.wanted)}"
        else:
            ElementTree.SubElement(node, "system-out").text = said
    ElementTree.indent(root, " ")
    return bytes(ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _nothing() -> Finding:
    said = "nothing was compared"
    return Finding("nothing", said, "inconclusive", "none", {}, None, "at least one number", said)


def annotations(findings: Sequence[Finding], title: str, mixed: str = "") -> list[str]:
    """GitHub workflow commands: one error that counts, then the first failures; the same for warnings.

    At most `ANNOTATIONS` of a level, since GitHub shows no more. `mixed` is a notice, the first.
    """
    lines = [_command("notice", title, mixed)] if mixed else []
    for level, status in (("error", "failed"), ("warning", "inconclusive"), ("notice", "note")):
        some = [finding for finding in findings if finding.status == status]
        texts = [f"{finding.sentence} (wanted: {finding.wanted})" for finding in some]
        if len(some) > ANNOTATIONS or (level == "notice" and len(some) > 1):
            shown = 0 if level == "notice" else ANNOTATIONS - 1
            rest = "" if level == "notice" else f"; the first {shown} follow"
            texts = [f"{count(findings)}{rest}", *texts[:shown]]
        lines += [_command(level, title, text) for text in texts]
    return lines if findings else [*lines, _command("warning", title, _nothing().sentence)]


def _command(level: str, title: str, text: str) -> str:
    named, said = (escaping.terminal(escaping.plain(words)) for words in (f"gradlab: {title}", text))
    return f"::{level} title={escaping.workflow(named, is_property=True)}::{escaping.workflow(said)}"


def markdown(findings: Sequence[Finding], title: str, rows: int | None = None, mixed: str = "") -> str:
    """A heading, the count and a table, worst first; what passed is folded away.

    `rows` caps the table and says what it has left out; `mixed` stands above it.
    """
    ordered = worst_first(findings)
    kept = ordered[:rows]
    open_, folded = ([_row(f) for f in kept if (f.status == "passed") == passed] for passed in (False, True))
    parts = [
        f"### {escaping.markdown(title)}",
        f"**{WORDS_OF_CODE[int(exit_code(findings))]}**: {count(findings)}.",
        *([escaping.markdown(mixed)] if mixed else []),
    ]
    if open_:
        parts.append("\n".join([_HEAD, *open_]))
    if folded:
        inner = "\n".join([_HEAD, *folded])
        parts.append(f"<details><summary>{len(folded)} passed</summary>\n\n{inner}\n\n</details>")
    if len(ordered) > len(kept):
        parts.append(f"{len(ordered) - len(kept)} more rows are left out; `--json` has them all.")
    return "\n\n".join(parts) + "\n"


WORDS_OF_CODE = {0: "passed", 1: "FAILED", 4: "INCONCLUSIVE"}
_HEAD = "| verdict | metric | where | measured | wanted | why |\n|---|---|---|---|---|---|"


def _row(finding: Finding) -> str:
    measured = "-" if finding.measured is None else f"{finding.measured:.6g}"
    cells = (
        WORDS[finding.status],
        finding.metric,
        place(finding.where),
        measured,
        finding.wanted,
        finding.sentence,
    )
    return "| " + " | ".join(escaping.markdown(cell) for cell in cells) + " |"


def step_summary(findings: Sequence[Finding], title: str, mixed: str = "") -> str:
    """The Markdown of a GitHub step summary, within the size that GitHub takes."""
    rows = SUMMARY_ROWS
    while len((text := markdown(findings, title, rows, mixed)).encode()) > SUMMARY_BYTES and rows:
        rows //= 2
    return text + "\n"
