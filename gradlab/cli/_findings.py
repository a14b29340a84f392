"""Findings as the terminal shows them: one claim after another, then the count."""

import textwrap
from collections.abc import Sequence

from rich.text import Text

from gradlab.findings.finding import Finding
from gradlab.findings.judge import summary

WORDS = {"passed": "passed", "failed": "FAILED", "inconclusive": "inconclusive"}
STYLES = {"passed": "green", "failed": "bold red", "inconclusive": "yellow"}


def render(question: str, findings: Sequence[Finding], width: int, *, color: bool) -> Text:
    """The question, each claim with its verdict and the numbers that decided it, and how many hold."""
    width = max(width, 40)
    text = Text(no_wrap=True, overflow="ignore", end="")
    for line in textwrap.wrap(question, width):
        text.append(line + "\n", "bold" if color else "")
    for finding in findings:
        word = f"{WORDS[finding.status]:<12}  "
        lines = textwrap.wrap(finding.text, width - len(word)) or [""]
        text.append(word, STYLES[finding.status] if color else "")
        text.append(f"\n{'':<14}".join(lines) + "\n")
        for line in textwrap.wrap(finding.sentence, width - len(word)):
            text.append(f"{'':<14}{line}\n", "dim" if color else "")
    text.append(summary(findings) + "\n", "bold" if color else "")
    return text
