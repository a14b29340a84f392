"""The viewer of a run as one HTML file that needs nothing beside itself."""

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gradlab import __version__
from gradlab.escaping import script
from gradlab.report.words import clean, counted, number, signed
from gradlab.runs import files
from gradlab.studies.neurons.rows import is_given
from gradlab.viewer.contents import Run, contents

LARGEST = 2_800_000
"""Bytes of arrays up to which units are kept as they were measured: a page then stays below 3 MB."""
FILE = "neurons.html"
"""What it is called in the folder of its run."""
MARK = "gradlab neurons"
"""What tells a viewer from a file that somebody else wrote."""
SCRIPTS = ("elements", "unpack", "equations", "study", "layout", "text", "units", "place", "page")
"""In this order: each uses those before it."""


def page(run: Run, room: int = LARGEST) -> bytes:
    """The viewer of a run of `gradlab neurons`.

    Beyond `room` bytes the memory of a cell is left out; the page computes it from the weights in float16.
    """
    from markupsafe import Markup

    facts, box = contents(run, room)
    scripts = [_text(f"{name}.js") for name in SCRIPTS]
    css = f"\n{_text('page.css')}"
    html: str = _template().render(
        mark=MARK,
        policy=policy(scripts, css),
        title=_title(run.about),
        sentence=_sentence(run.about),
        css=Markup(css),
        cells=_cells(run.about),
        detectors=_detectors(run, facts),
        facts=_facts(run.about),
        version=__version__,
        data=Markup(script(facts)),
        arrays=[Markup(packed.text) for packed in box.arrays],
        scripts=[Markup(text) for text in scripts],
    )
    return html.encode("utf-8", "backslashreplace")


def write(folder: Path, run: Run) -> Path:
    """Put the viewer of a run into its folder, whole or not at all; errors are those of `files.storage`."""
    place, made = folder / FILE, page(run)
    with files.storage(folder):
        files.replace(place, made)
    return place


def policy(scripts: list[str], css: str) -> str:
    """Content-Security-Policy: these scripts and this style sheet, and nothing from anywhere."""
    hashes = " ".join(f"'sha256-{_hash(text)}'" for text in scripts)
    parts = [f"script-src {hashes}", f"style-src 'sha256-{_hash(css)}'", "img-src data:"]
    return "; ".join(["default-src 'none'", *parts, "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _title(about: dict[str, Any]) -> str:
    cells = ", ".join(str(cell["cell"]) for cell in about["cells"])
    return f"{cells} on {'Python code' if about['kind'] == 'python' else 'text'}"


def _sentence(about: dict[str, Any]) -> str:
    held = "" if is_given(about) else "held-out "
    return f"{about['shown']['characters']} {held}characters of {about['source']}."


def _cells(about: dict[str, Any]) -> dict[str, Any]:
    leaves = list(dict.fromkeys(leaf for cell in about["cells"] for leaf in cell["leaves"]))
    given = is_given(about)
    columns = ["cell", "units", "parameters", "updates", "bits"]
    columns += ["bits, not trained" if given else "bits before training", "reach"]
    columns += [f"units of {leaf} without a label" for leaf in leaves]
    rows = []
    for cell in about["cells"]:
        reach = f"over {cell['lags']}" if cell["reach"] is None else number(cell["reach"])
        bits = [number(cell[name], 3) for name in ("bits", "untrained_bits")]
        counts = [str(cell[name]) for name in ("hidden", "parameters", "updates")]
        shares = [_percent(cell["unread"].get(leaf)) for leaf in leaves]
        rows.append([str(cell["cell"]), *counts, *bits, reach, *shares])
    of = "the text" if given else "text that was held out"
    return {"columns": columns, "rows": rows, "of": of}


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"


def _detectors(run: Run, facts: dict[str, Any]) -> dict[str, Any]:
    """The best unit of each label and cell, beside its controls; a link to it if the page holds it."""
    controls = ("shifted", "untrained", "random")
    names = [str(cell["cell"]) for cell in run.about["cells"]]
    labels = [str(label["name"]) for label in run.about["labels"]]
    found = run.detectors.merge(run.scores, on=["cell", "label", "unit"])
    found["label_at"], found["cell_at"] = found["label"].map(labels.index), found["cell"].map(names.index)
    rows = []
    for row in found.sort_values(["label_at", "cell_at"]).to_dict("records"):
        is_here = clean(row["unit"]) in facts["cells"][row["cell_at"]]["units"]["unit"]
        words = f"cell={row['cell_at']}&unit={quote(clean(row['unit']))}&label={quote(clean(row['label']))}"
        rows.append(
            {
                "label": row["label"],
                "cell": row["cell"],
                "unit": row["unit"],
                "link": f"#{words}" if is_here else "",
                "numbers": [signed(row["score"], 2), *(number(abs(row[name]), 2) for name in controls)],
                "words": [row["verdict"], row["used"]],
            }
        )
    numeric = ["score", *controls]
    columns = ["label", "cell", "unit", *numeric, "verdict", "used by the model"]
    return {"columns": columns, "numeric": numeric, "rows": rows}


def _facts(about: dict[str, Any]) -> list[tuple[str, str]]:
    """How the run came about, in pairs of words."""
    plan = about["plan"]
    kept = counted(len(about["shown"]["files"]), "file")
    parts = f"{plan['train']} to train on, {plan['validation']} to choose by, {plan['test']} to test on"
    facts = [
        ("text", str(about["source"])),
        ("characters", str(plan["test"]) if is_given(about) else parts),
        (
            "shown",
            f"{about['shown']['characters']} characters of {kept}, {about['shown']['scored']} of them scored",
        ),
        ("symbols", str(len(about["vocabulary"]))),
    ]
    if not is_given(about):
        facts.append(("updates", f"at most {plan['updates']}, judged every {plan['every']}"))
    facts += [(f"label {one['name']}", str(one["meaning"])) for one in about["labels"]]
    # By name: a run that is read again has them in that order.
    for told in (about["settings"], about["versions"]):
        facts += [
            (name, _said(value)) for name, value in sorted(told.items()) if value not in (None, "", [], ())
        ]
    return facts


def _said(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@cache
def _template() -> Any:
    """The page's template, in which every value is escaped, and shows what cannot be printed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        finalize=lambda value: (
            clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
        ),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2")


@cache
def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
