"""The table of bad inputs, row by row: how each command ends, its one line, and that nothing is lost.

Rows are numbered as in the project's list. What another file tries is named with its test; what there is no
place for, with the reason.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from gradlab.ranges import floats
from gradlab.studies.remedies import compute as remedies_compute
from gradlab.studies.sweep import compute as sweep_compute
from gradlab.studies.sweep import results
from tests import made_runs
from tests.cli.calling import finished, gradlab

LONG = "9" * 10**6
SWEEP = ("sweep", "--hidden", "2", "--seeds", "2", "--cell", "elman", "--quiet")
TRAIN = ("remedies", "adding", "-T", "5", "--hidden", "2", "--seeds", "2", "--quiet")
FILE = """question = "Does it?"
[sweep]
cell = "elman"
w_rec = [0.5]
T = [4]
hidden = 2
"""

COMMANDS = [
    (1, (*SWEEP, "--w-rec", "nan"), 2, "finite number"),
    (2, (*SWEEP, "--w-rec", "inf"), 2, "finite number"),
    (2, (*SWEEP, "--w-rec", "-inf"), 2, "finite number"),
    (2, (*SWEEP, "--w-rec", "1e400"), 2, "at most 1.7e308"),
    (3, (*SWEEP, "--w-rec", "1e-400"), 2, "write 0"),
    (4, (*SWEEP, "--w-rec", "1e-320"), 2, "underflows to 0"),
    (5, (*SWEEP, "--w-rec", "1,5"), 2, "write 1.5 or 1.0,5.0"),
    (5, (*SWEEP, "--w-rec", "٣"), 2, "write one such as"),
    (5, (*SWEEP, "--w-rec", "0x10"), 2, "write one such as"),
    (6, (*SWEEP, "-T", "0"), 2, "at least 1"),
    (6, (*SWEEP, "-T", "-1"), 2, "at least 1"),
    (8, (*SWEEP, "-T", "1e5"), 2, "whole number"),
    (9, (*SWEEP, "-T", "1.5"), 2, "whole number"),
    (10, (*SWEEP, "-T", "99999999999999999999"), 7, "B of memory"),
    (11, (*SWEEP, "-T", "2147483648"), 7, "B of memory"),
    (12, (*SWEEP[:1], "--hidden", "0"), 2, "at least 1"),
    (12, (*SWEEP[:1], "--hidden", "1000000"), 7, "B of memory"),
    (13, (*SWEEP[:1], "--seeds", "0"), 2, "at least 1"),
    (13, (*SWEEP[:1], "--seeds", "-1"), 2, "at least 1"),
    (13, (*SWEEP, "--seed", "18446744073709551616"), 2, "at most 2**63 - 1"),
    (14, (*SWEEP, "--w-rec", "0.5,1.0,0.50"), 2, "given twice"),
    (15, (*SWEEP, "--w-rec", "0.9:1.1:0"), 2, "at least 1"),
    (15, (*SWEEP, "--w-rec", "1.1:0.9:3"), 2, "START below STOP"),
    (16, (*SWEEP, "--w-rec", "0:1:1000000000000"), 7, "B of memory"),
    (18, ("sweep", "--cell", "lstmm"), 2, "did you mean lstm"),
    (19, (*SWEEP, "--w-rek", "1"), 2, "did you mean --w-rec?"),
    (20, (*SWEEP, "-T", "5", "-T", "6"), 2, "given twice"),
    (21, (*TRAIN, "--lr", "0"), 2, "must be positive"),
    (21, (*TRAIN, "--updates", "0"), 2, "at least 1"),
    (22, (*TRAIN, "-r", "clip_norm(-1)"), 2, "must be positive"),
    (23, (*SWEEP, "--confidence", "95"), 2, "no such option"),
    *[
        (24, (*SWEEP[:1], option, ""), 2, "is empty")
        for option in ("--cell", "--init", "--w-rec", "-T", "--hidden", "--out", "--name", "--device")
    ],
    *[(25, (*SWEEP[:1], option, LONG), 2, "999...") for option in ("--cell", "--init", "--w-rec", "--name")],
    (56, ("check", "nothing"), 2, "no such folder"),
    (56, ("show", "nothing"), 2, "no such folder"),
]  # fmt: skip

NAMES = {
    44: ["../x", "..\\x", "/abs", "a/../../x", "%2e%2e%2fx", "%252e"],
    45: [".", "..", " ", "x.", "x "],
    46: ["a\0b", "a\nb", "a\x1b[31m", "a\u202eb"],
    47: ["CON", "nul.txt", "a:b", "x" * 300],
    48: ["é", "e\u0301"],
    49: ["-x", "=x", "=HYPERLINK(1)", "@SUM", "\tx"],
}

SPECIAL = {26: ["missing.toml", "folder", "pipe", "/dev/zero"], 39: ["large.toml"]}
FILES = [
    (27, "", "question: is missing"),
    (27, "# nothing but this\n", "question: is missing"),
    (28, b'question = "\xff"\n', "not UTF-8 at byte 12"),
    (28, FILE.encode("utf-16"), "not UTF-8 at byte 0"),
    (29, FILE + "hidden = 3\n", "line 7"),
    (30, FILE.replace("w_rec", "w_rek"), "did you mean w_rec?"),
    (32, FILE.replace('"elman"', "false"), "must be text"),
    (32, FILE.replace('"elman"', "017"), "is not TOML"),
    (32, FILE.replace('"elman"', "12:30:45"), "must be text"),
    (32, FILE.replace('"elman"', "2024-01-01"), "must be text"),
    (33, FILE.replace("0.5", "nan"), "finite number"),
    (33, FILE.replace("0.5", "inf"), "finite number"),
    (34, '!!python/object/apply:os.system ["touch canary"]\n', "is not TOML"),
    (35, FILE + '_target_ = "os.system"\n', "no such key"),
    (35, FILE.replace('"elman"', '"os:system"'), "names code"),
    (35, FILE.replace('"elman"', '"evil.py:Cell"'), "names code"),
    (36, "a: &a [x, x]\nb: *a\n", "is not TOML"),
    (37, "a = " + "[" * 5000 + "]" * 5000, "nested deeper than 64"),
    (37, "a = " + "[" * 100_000 + "]" * 100_000, "nested deeper than 64"),
    (38, FILE.replace("[4]", "9" * 5000), "cannot be read"),
    (41, FILE + 'include = "/etc/passwd"\n', "no such key"),
    (42, FILE.replace("hidden = 2", "hidden = [2]"), "must be a whole number"),
    (42, FILE.replace("[4]", "true"), "must be a whole number"),
    (42, FILE.replace("[4]", '["5"]'), "must be a whole number"),
    (43, 'schema = "gradlab.run/99"\n' + FILE, "schema: no such key"),
]

ELSEWHERE = {
    50: ("report/test_hostile.py", "test_it_is_text_in_html"),
    52: ("cli/test_bad_input.py", "test_a_folder_that_cannot_be_written_is_found_out_first"),
    53: ("cli/test_sweep.py", "test_a_foreign_file_is_left_alone"),
    54: ("faults/test_locks.py", "test_the_second_is_refused_within_two_seconds_and_told_host_and_process"),
    55: ("faults/test_resuming.py", "test_force_does_not_touch_a_folder_of_someone_else"),
    57: ("faults/test_resuming.py", "test_a_finished_run_is_computed_no_more_and_touched_no_more"),
    58: ("faults/test_resuming.py", "test_other_settings_are_refused_with_the_difference"),
    59: ("faults/test_resuming.py", "test_a_damaged_shard_is_noticed_kept_aside_said_and_computed_again"),
    60: ("runs/test_shards.py", "test_ten_thousand_damages_of_several_bytes_are_noticed"),
    61: ("runs/test_store.py", "test_a_damaged_beginning_is_refused_until_it_is_given_up"),
    63: ("studies/sweep/test_results.py", "test_what_is_no_run_is_said_in_one_line"),
    64: ("studies/sweep/test_results.py", "gradlab.run/3 is newer than gradlab.run/2"),
    65: ("runs/test_shards.py", "test_what_could_not_be_read_back_is_not_stored"),
    66: ("runs/test_shards.py", "test_a_forged_head_is_a_value_error_whatever_it_says"),
    68: ("findings/test_compare.py", "test_nothing_in_common_is_exit_4"),
    69: ("cli/test_report.py", "test_a_running_sweep_says_how_far_it_is"),
    70: ("cli/test_report.py", "test_of_no_finished_point_there_is_nothing_to_report"),
    71: ("studies/sweep/test_compute_states.py", "test_a_planted_nan_ends_one_network_and_no_other"),
    72: ("studies/sweep/test_compute_states.py", "test_a_recurrent_weight_of_zero_is_exact_zero_and_not_ok"),
    73: ("cli/test_sweep.py", "test_ten_to_the_two_thousand_and_exact_zero_are_ordinary"),
    74: ("studies/sweep/test_table.py", "trajectory"),
    75: ("studies/sweep/test_compute_states.py", "test_a_recurrent_weight_of_zero_is_exact_zero_and_not_ok"),
    76: ("studies/remedies/test_rows.py", "test_a_diverged_seed_is_a_failure_among_all_seeds"),
    78: ("cli/test_bad_input.py", "test_a_missing_device_is_no_bug"),
    79: ("checks/test_greater_than.py", "test_intervals_must_be_apart_and_rest_on_enough_seeds"),
}
NO_PLACE = {
    31: "settings files are TOML, where 1e-5 is a number",
    62: "a shard's name is the digest of its settings, so no point is there twice",
    67: "a run is read by the digests in its run.json; parquet is written, never read",
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    place = tmp_path_factory.mktemp("kept")
    results.write(place, made_runs.run(("elman",), (0.5,), (20,)))
    return place


@pytest.fixture
def place(tmp_path, monkeypatch, kept):
    """A working folder with a finished run and somebody's file, and what it holds afterwards is the same."""
    monkeypatch.chdir(tmp_path)
    for part in (sweep_compute, remedies_compute):
        monkeypatch.setattr(part, "run", lambda *_: pytest.fail("something was computed"))
    shutil.copytree(kept, tmp_path / "results" / "kept")
    (tmp_path / "thesis.txt").write_text("mine")
    before = contents(tmp_path)
    yield tmp_path
    assert contents(tmp_path) == before


def contents(folder):
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".toml"]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def refused(said, code, words):
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith("error: ")
    assert words in said.err
    assert "Traceback" not in said.err


def one_line(said):
    line = said.err.removesuffix("\n")
    assert line.isprintable()
    assert len(line) <= 300


@pytest.mark.parametrize(("row", "words", "code", "said"), COMMANDS, ids=lambda x: str(x)[:12])
def test_a_command(place, row, words, code, said):
    found = gradlab(*words)
    refused(found, code, said)
    one_line(found)


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, names in NAMES.items() for name in names])
def test_a_name(place, row, name):
    found = gradlab(*SWEEP, "--name", name)
    refused(found, 2, "name")
    one_line(found)


@pytest.mark.parametrize(("row", "content", "said"), FILES, ids=lambda x: str(x)[:12])
def test_a_settings_file(place, row, content, said):
    (place / "asked.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    refused(gradlab("run", "asked.toml"), 2, said)
    assert not (place / "canary").exists()


@pytest.mark.parametrize(("row", "name"), [(row, name) for row, names in SPECIAL.items() for name in names])
def test_no_settings_file_at_all(place, row, name):
    (place / "folder").mkdir()
    os.mkfifo(place / "pipe")
    with (place / "large.toml").open("wb") as file:
        file.truncate(2 * 10**9)
    found = gradlab("run", name)
    refused(found, 2, name)
    one_line(found)


@pytest.mark.parametrize("text", ["${HOME}", "{{7*7}}", "%(x)s", "$(id)"])
def test_text_that_others_would_expand_stays_text(place, text):
    """Row 40, and the byte order mark of row 28."""
    (place / "asked.toml").write_text(FILE.replace("Does it?", text), encoding="utf-8-sig")
    assert gradlab("run", "asked.toml", "--dry-run").code == 0
    (place / "experiments").mkdir()
    (place / "asked.toml").rename(place / "experiments" / "asked.toml")
    assert text in gradlab("list", "experiments").out


def test_a_range_ends_where_it_says():
    """Row 17."""
    assert floats("--w-rec", "0.1:0.3:3") == pytest.approx((0.1, 0.2, 0.3), rel=1e-15)


@pytest.mark.slow
def test_one_step_is_a_sequence(tmp_path):
    """Row 7."""
    said = gradlab(*SWEEP, "--w-rec", "0.9", "-T", "1", "--out", tmp_path)
    assert (said.code, said.err) == (0, "")


@pytest.mark.slow
def test_a_learning_rate_beyond_all_reason_is_a_count_of_diverged_seeds(tmp_path):
    """Row 21: exit 0, for it is what the seeds did."""
    words = (
        "-r",
        "none",
        "--lr",
        "1e30",
        "--optimizer",
        "sgd",
        "--updates",
        "4",
        "--batch",
        "2",
        "--out",
        tmp_path,
    )
    said = gradlab(*TRAIN, *words)
    assert said.code == 0
    assert "2 of 2 diverged" in said.out


@pytest.mark.slow
def test_links_are_followed_to_a_folder_and_never_written_through(tmp_path):
    """Row 51."""
    (tmp_path / "target").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "target")
    words = (*SWEEP, "--w-rec", "0.9", "-T", "4", "--name", "run", "--out", tmp_path / "out")
    assert gradlab(*words).code == 0
    table = tmp_path / "target" / "run" / "metrics.csv"
    table.unlink()
    (tmp_path / "precious").write_text("mine")
    table.symlink_to(tmp_path / "precious")
    assert gradlab(*words).code == 0
    assert not table.is_symlink()
    assert (tmp_path / "precious").read_text() == "mine"


def test_the_environment_does_not_change_numbers_in_silence(tmp_path):
    """Row 77: what gradlab needs it sets itself; what XLA would die of is refused."""
    refused(finished("doctor", env={"XLA_FLAGS": "--nonsense"}), 2, "'--nonsense' is no flag of XLA")
    said = finished("doctor", env={"JAX_ENABLE_X64": "0", "JAX_DEFAULT_MATMUL_PRECISION": "bfloat16"})
    assert re.search(r"matmul precision +highest", said.out), said.out


def test_every_row_has_its_place():
    tried = {row for row, *_ in [*COMMANDS, *FILES]} | set(NAMES) | set(SPECIAL) | {7, 17, 40, 51, 77}
    assert sorted({*tried, *ELSEWHERE, *NO_PLACE}) == list(range(1, 80))
    for row, (file, words) in ELSEWHERE.items():
        assert words in (Path(__file__).parent / file).read_text(), row
