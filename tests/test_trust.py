"""`docs/trust.md`: what the suite tries to break, counted from the tests themselves.

Written anew by `GRADLAB_WRITE_TRUST=1 pytest tests/test_trust.py`; otherwise held to be what it would be.
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.calling import ENVIRONMENT

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "trust.md"


class Row(NamedTuple):
    """One line of the table."""

    what: str
    count: str
    """With `{n}`, the number of cases of the test."""
    test: str
    """A file, or a test of it."""


GATE, PLANTED = "tests/test_gate.py", "tests/test_planted_faults.py"
FAULTS, RECEIVED = "tests/faults", "tests/received"
KILLED = "test_killed_at_its_calls_the_same_command_ends_in_the_same_bytes"
ROWS = {
    "The gate": (
        Row(
            "faults planted in a cell, caught by `check`",
            "{n} of {n}",
            f"{GATE}::test_a_planted_fault_is_caught",
        ),
        Row(
            "faults drawn in a cell's step (dropped, doubled, 1 % off, ...), caught or below every bound",
            "2 of 2 in each of {n} cells",
            f"{GATE}::test_a_fault_in_the_step_of_any_cell_is_caught",
        ),
        Row(
            "alarms in 200 pairs of equal cells that differ in their seeds alone",
            "at most 2",
            f"{GATE}::test_equal_cells_with_other_seeds_raise_no_alarm",
        ),
        Row(
            "counts of batches without a signal, of which the statistical horizon's test sees 5 % at most",
            "{n}: 1000 and 20 000 batches",
            "tests/recurrence/test_evidence.py::test_targets_that_sequences_do_not_tell_are_seldom_seen",
        ),
        Row(
            "changed weights told from those that another processor rounds otherwise",
            "{n} of {n}",
            f"{GATE}::test_other_weights_are_told_from_another_processors",
        ),
        Row(
            "runs of changed code that are refused",
            "{n} of {n}",
            "tests/test_digests.py::test_a_finished_run_of_other_code_is_refused_and_kept",
        ),
        Row(
            "statements of a member (axes, notes, fixed weights) that are seen to change",
            "{n} cases",
            "tests/test_digests_of_statements.py",
        ),
        Row(
            "members whose imports, files or values have changed, refused",
            "{n} cases",
            "tests/test_brought.py",
        ),
        Row(
            "members of other packages that give something else, named",
            "{n} cases",
            "tests/test_brought_faults.py",
        ),
        Row(
            "runs of a cell of one's own that are repeated on another number of devices",
            "{n} cases",
            "tests/test_digests_elsewhere.py::test_a_cell_of_one_s_own_is_known_again_and_seen_to_change",
        ),
        Row(
            "faults of a gradient, found by `verify`",
            "{n} of {n}",
            f"{PLANTED}::test_every_planted_fault_is_found",
        ),
        Row(
            "and of those that are easily missed",
            "{n} of {n}",
            f"{PLANTED}::test_what_is_easily_missed_is_found",
        ),
        Row(
            "right cells that `verify` calls wrong",
            "0 of {n}",
            f"{PLANTED}::test_no_right_cell_is_called_wrong",
        ),
    ),
    "Kills, signals and disks": (
        Row(
            "kinds of storage call, at each of which a sweep is killed; repeated, to the same bytes",
            "{n} of {n}",
            f"{FAULTS}/test_kills.py::test_killed_at_every_call_the_same_command_ends_in_the_same_bytes",
        ),
        Row(
            "other commands that are killed and repeated, to the same bytes",
            "{n} of {n}",
            f"{FAULTS}/test_kills_of_others.py::{KILLED}",
        ),
        Row(
            "signals after which the printed command goes on",
            "{n} of {n}",
            "tests/faults/test_signals.py::test_a_signal_saves_and_prints_the_command_that_goes_on",
        ),
        Row(
            "commands that write to a closed or full stream, without a traceback",
            "{n} cases",
            "tests/cli/test_streams.py",
        ),
        Row(
            "folders behind links, read-only, and a clock that runs backwards",
            "{n} cases",
            "tests/faults/test_places.py",
        ),
    ),
    "Files from elsewhere": (
        Row(
            "kinds of hostile `norms.nc` refused by name, unread",
            "{n} of {n}",
            f"{RECEIVED}/test_hdf5.py::test_it_is_refused_by_name_and_nothing_is_written",
        ),
        Row(
            "pipes, devices and links in the place of a file, refused",
            "{n} of {n}",
            f"{RECEIVED}/test_folders.py::test_only_regular_files_inside_the_folder_are_read",
        ),
        Row(
            "links in the place of a folder, not written through",
            "{n} of {n}",
            f"{RECEIVED}/test_folders.py::test_a_link_to_a_folder_is_not_written_through",
        ),
        Row(
            "broken documents and tables, refused with their place",
            "{n} cases",
            f"{RECEIVED}/test_broken.py",
        ),
        Row(
            "broken documents and arrays of readings, refused with their place",
            "{n} cases",
            f"{RECEIVED}/test_broken_readings.py",
        ),
        Row(
            "mutated run folders through every reader: no bug, no hang, nothing written",
            "50 in each of {n} batches",
            f"{RECEIVED}/test_fuzz.py::test_five_hundred",
        ),
        Row(
            "commands whose output shows poisoned names as text",
            "{n} cases",
            "tests/cli/test_poisoned.py::test_it_is_text_wherever_it_goes",
        ),
    ),
    "Machines": (
        Row(
            "commands that tell their peak of memory to -10 % and +50 %",
            "{n} of {n}",
            "tests/test_plans.py::test_the_peak_of_memory_is_within_10_percent_below_and_50_above",
        ),
        Row(
            "limits of memory found in control groups and ulimits",
            "{n} cases",
            "tests/test_memory.py",
        ),
        Row(
            "checks of every command with the lowest and with the newest versions",
            "{n} each",
            "tests/test_every_command.py",
        ),
        Row(
            "sweeps drawn at random that end with 0, 2 or 3",
            "10 in each of {n} batches",
            "tests/test_random_sweeps.py::test_two_hundred",
        ),
    ),
}
TAIL = "## What the gate does not see\n"
"""From here on the page is written by hand."""


def counted():
    """The cases of each row, in the order of the table."""
    files = sorted({row.test.partition("::")[0] for rows in ROWS.values() for row in rows})
    command = [sys.executable, "-m", "pytest", "-n", "0", "--collect-only", "-q", "-m", "", *files]
    done = subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False
    )
    names = [line for line in done.stdout.splitlines() if "::" in line]
    assert names, done.stdout + done.stderr
    return {
        row: sum(
            re.split(r"::|\[", name)[: len(row.test.split("::"))] == row.test.split("::") for name in names
        )
        for rows in ROWS.values()
        for row in rows
    }


def page():
    """The page, from the tests that there are."""
    count = counted()
    missing = [row.test for row, n in count.items() if not n]
    assert not missing, missing
    parts = [
        "# What was tried against gradlab\n",
        "Each row is a test of the suite, and holds where that passes; numbers are counted from the tests,\n"
        "those that take hours (`-m long`) among them.\n",
    ]
    for title, rows in ROWS.items():
        lines = [f"| {row.what} | {row.count.format(n=count[row])} | `{row.test}` |" for row in rows]
        parts.append("\n".join([f"## {title}\n", "| what | how many | test |", "|---|---|---|", *lines, ""]))
    return "\n".join([*parts, ""])


@pytest.mark.slow
def test_the_page_says_what_the_suite_tries():
    made, (tables, head, tail) = page(), PAGE.read_text().partition(TAIL)
    if os.environ.get("GRADLAB_WRITE_TRUST"):
        PAGE.write_text(made + head + tail)
        tables = made
    assert tables == made
    assert tail.count("- **") > 3
