"""What was reached, by machine and row: kept in results.json, and written out as RESULTS.md."""

import datetime
import json
import os
import platform
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
HEAD = """# Results

Written by the scripts in this folder (`--write`); what they do stands in [README.md](README.md), and what
was tried in [NOTES.md](NOTES.md). A ratio says how many times as long the other takes, both timed in turn in
one run: the median of the rounds that no other process disturbed. Seconds are those of the machine named.
"""


def machine() -> str:
    """The processor, its cores and the libraries."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    flags = next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), [])
    wide = ", AVX-512" if "avx512f" in flags else ""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = []
    for name in ("jax", "torch"):
        try:
            versions.append(f"{name} {metadata.version(name).partition('+')[0]}")
        except metadata.PackageNotFoundError:
            continue
    name = models[0] if models else platform.processor() or platform.machine()
    return f"{name}{wide}, {cores} cores, Python {platform.python_version()}, {', '.join(versions)}"


def record(work: str, against: str, reached: str, aim: str, rounds: int) -> None:
    """Keep a row, in place of the one of this machine that it has been measured for before."""
    kept = HERE / "results.json"
    found = json.loads(kept.read_text()) if kept.exists() else {}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    row = {"reached": reached, "aim": aim, "rounds": rounds, "date": today}
    found.setdefault(machine(), {})[f"{work} | {against}"] = row
    kept.write_text(json.dumps(found, indent=1) + "\n")
    (HERE / "RESULTS.md").write_text(page(found))


def page(found: dict[str, dict[str, dict[str, str | int]]]) -> str:
    """All rows as tables."""
    parts = [HEAD]
    for name, rows in found.items():
        parts.append(
            f"\n## {name}\n\n| work | against | reached | aim | rounds | date |\n|---|---|---|---|---|---|\n"
        )
        for key, row in rows.items():
            parts.append(f"| {key} | {row['reached']} | {row['aim']} | {row['rounds']} | {row['date']} |\n")
    return "".join(parts)
