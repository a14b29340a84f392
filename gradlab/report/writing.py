"""Where a report goes, and putting it there."""

from collections.abc import Sequence
from pathlib import Path

from gradlab.errors import GradlabError, shown
from gradlab.report.page import MARK, Written
from gradlab.report.sources import Source
from gradlab.runs import files
from gradlab.runs.files import replace, storage

_HEAD = 4096
"""Characters of a file in which a report says that it is one."""


def place(sources: Sequence[Source], out: Path | None) -> Path:
    """The HTML file to write: as asked, else in the folder of the one run, else in the working folder.

    Raises `GradlabError` for another ending, and for a file there that is not a report.
    """
    if out is None:
        found = sources[0].folder / "report.html" if len(sources) == 1 else Path("report.html")
    elif out.is_dir():
        found = out / "report.html"
    elif out.suffix in (".html", ".htm"):
        found = out
    elif out.suffix == ".md":
        found = out.with_suffix(".html")
    else:
        raise GradlabError("-o", f"{shown(str(out))} has no known ending; write FILE.html")
    for file in (found, found.with_suffix(".md")):
        if file.exists() and MARK not in _beginning(file):
            raise GradlabError("-o", f"{file} was not written by gradlab report; choose another FILE")
    return found


def _beginning(file: Path) -> str:
    try:
        return files.beginning(file, 4 * _HEAD).decode(errors="replace")[:_HEAD]
    except OSError as error:
        raise GradlabError("-o", f"{file} cannot be read: {error.strerror or error}") from error


def write(place: Path, made: Written) -> list[Path]:
    """Write the page, the Markdown and its pictures; each file appears whole or not at all.

    The error is that of `files.storage`.
    """
    pictures = files.below(place.parent, f"{place.stem}_files")
    contents = {place: made.html, place.with_suffix(".md"): made.markdown}
    contents |= {pictures / name: text for name, text in made.pictures.items()}
    with storage(place.parent):
        for path, text in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            replace(path, text.encode("utf-8", "backslashreplace"))
    return list(contents)
