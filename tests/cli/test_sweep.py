"""`gradlab sweep`: what it prints, what it writes, and what it does a second time."""

import fcntl
import json
import os
import re
import shutil
import signal

import numpy as np
import pytest

from gradlab import profiles
from gradlab.studies.sweep import compute, regimes, results
from tests.cli.calling import SMALL, contents, document, finished, gradlab, process, with_option

IDENTITY = "elman(activation=identity)"


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """An environment with a compile cache that the processes of these tests share."""
    return {"XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache")), "GRADLAB_COMPILE_CACHE": "on"}


@pytest.fixture(scope="module")
def small(tmp_path_factory, cache):
    """A small run in a folder of its own, by a process whose stdout is a pipe that says it is ASCII."""
    out = tmp_path_factory.mktemp("small")
    said = finished("sweep", *SMALL, "--out", out, "--name", "run", env=cache | {"PYTHONIOENCODING": "ascii"})
    return out / "run", said


@pytest.fixture
def nothing_computed(monkeypatch):
    monkeypatch.setattr(compute, "run", lambda *_: pytest.fail("something was computed"))


def log10_transport(folder):
    """log10 of the transport at every (w_rec, seed, lag) of the only cell, initialiser and T."""
    norms = results.read(folder).norms.isel(cell=0, init=0, T=0).sel(part="state")
    return norms["transport"], norms["transport_state"]


class TestWhatItPrintsAndWrites:
    def test_stdout_is_the_table_and_stderr_the_progress(self, small):
        folder, said = small
        assert said.code == 0
        assert said.out.startswith(f"{IDENTITY}\n w_rec regime")
        assert re.search(r"(?m)^   0\.5 VANISH     -0\.3010", said.out)
        assert re.search(r"(?m)^     1 STABLE      0\.0000", said.out)
        first = said.err.partition("\n")[0]
        assert re.fullmatch(r"measuring 8 points: about \d+ s.*; about \d+ MB of memory", first)
        assert said.err.endswith(f"{folder}  (gradlab show {folder} prints it again)\n")

    def test_a_pipe_gets_80_columns_and_no_colour(self, small):
        assert max(map(len, small[1].out.splitlines())) <= 80
        assert "\x1b" not in small[1].out + small[1].err

    def test_the_folder_holds_the_agreed_files_and_nothing_else(self, small):
        found = {str(name) for name in contents(small[0])}
        pictures = {name for name in found if name.startswith("figures/")}
        assert found - pictures == {"run.json", "metrics.csv", "norms.nc"}
        assert {name.rpartition(".")[2] for name in pictures} == {"svg", "png"}

    def test_run_json_says_what_was_asked_and_with_what(self, small):
        about = document((small[0] / "run.json").read_text())
        assert about["status"] == "complete"
        assert (about["points"], about["failed"]) == (8, 0)
        assert about["settings"]["w_rec"] == [0.5, 1.0]
        assert about["versions"]["jax"]
        assert set(about["files"]) == {"metrics.csv", "norms.nc"}

    def test_no_name_gives_a_hash_of_the_settings(self, tmp_path):
        plans = [
            gradlab("sweep", *SMALL, *more, "--out", tmp_path, "--dry-run", "--json").out
            for more in ([], ["--seed", 1])
        ]
        first, second = (document(plan)["data"]["run_dir"] for plan in plans)
        assert re.fullmatch(r"sweep-[0-9a-f]{8}", os.path.basename(first))
        assert first != second


class TestDryRun:
    @pytest.fixture(autouse=True)
    def _nothing_computed(self, nothing_computed):
        pass

    def test_says_grid_programs_time_memory_and_writes_nothing(self, tmp_path):
        said = gradlab("sweep", *SMALL, "--out", tmp_path / "results", "--dry-run")
        assert (said.code, said.err) == (0, "")
        lines = dict(line.split(maxsplit=1) for line in said.out.splitlines())
        assert list(lines) == ["grid", "programs", "time", "memory", "folder"]
        assert lines["grid"].startswith("cell 1 x init 1 x w_rec 2 x T 2 x seed 2 = 8 points")
        assert lines["programs"].startswith("1,")
        assert list(tmp_path.iterdir()) == []

    def test_says_it_in_json(self, tmp_path):
        said = gradlab("sweep", *SMALL, "--out", tmp_path / "results", "--dry-run", "--json")
        data = document(said.out)["data"]
        assert data["counts"] == {"points": 8, "networks": 4, "programs": 1}
        assert data["bytes"] > 0
        assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("nothing_computed")
class TestASecondTime:
    def test_the_same_command_computes_nothing_and_prints_the_same(self, small):
        folder, first = small
        before = contents(folder)
        said = gradlab("sweep", *SMALL, "--out", folder.parent, "--name", "run")
        assert said.code == 0
        assert said.err.startswith("8 of 8 points already done\n")
        assert said.out == first.out == gradlab("show", folder).out
        assert contents(folder) == before

    def test_the_order_and_spelling_of_settings_do_not_matter_but_their_values_do(self, small):
        folder = small[0]
        words = [
            "--seeds",
            "2",
            "-N",
            "4",
            "--T",
            "8:16:2",
            "--w-rec",
            "0.5:1:2",
            "--cell",
            "elman( activation = identity )",
        ]
        assert gradlab("sweep", *words, "--out", folder.parent, "--name", "run").code == 0

    def test_quiet_leaves_stderr_empty(self, small):
        said = gradlab("sweep", *SMALL, "--out", small[0].parent, "--name", "run", "--quiet")
        assert (said.code, said.err) == (0, "")
        assert said.out

    def test_json_is_one_strict_document(self, small):
        folder = small[0]
        said = gradlab("sweep", *SMALL, "--out", folder.parent, "--name", "run", "--quiet", "--json")
        found = document(said.out)
        assert (found["status"], found["exit_code"], found["run_dir"]) == ("complete", 0, str(folder))
        assert [row["regime"] for row in found["data"]] == ["VANISH", "STABLE"]
        assert found["data"][1]["half_life"] is None
        assert [row["level"] for row in found["data"]] == [0.95, 0.95]

    @pytest.mark.parametrize(
        ("option", "value", "differs"),
        [
            ("--w-rec", "0.7,2", "w_rec was [0.5, 1.0], now [0.7, 2.0]"),
            ("--seeds", "3", "seeds was 2, now 3"),
        ],
    )
    def test_other_settings_under_the_same_name_are_refused_and_nothing_is_touched(
        self, small, option, value, differs
    ):
        folder = small[0]
        before = contents(folder)
        words = with_option(SMALL, option, value)
        said = gradlab("sweep", *words, "--out", folder.parent, "--name", "run")
        assert (said.code, said.out) == (2, "")
        refusal = f"{folder} holds a run with other settings: {differs}; choose another name"
        assert said.err == f"error: --name: {refusal}\n"
        assert contents(folder) == before

    def test_a_damaged_result_is_measured_again_as_its_error_says(self, small, tmp_path, monkeypatch):
        shutil.copytree(small[0], tmp_path / "run")
        table = tmp_path / "run" / "metrics.csv"
        table.write_bytes(table.read_bytes()[:-10])
        assert "run the command again" in gradlab("show", tmp_path / "run").err
        measured = []
        monkeypatch.setattr(compute, "run", lambda *asked: measured.append(asked) or iter(()))
        gradlab("sweep", *SMALL, "--out", tmp_path, "--name", "run")
        assert len(measured) == 1

    def test_a_foreign_file_is_left_alone(self, tmp_path):
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "thesis.doc").write_text("mine")
        said = gradlab("sweep", *SMALL, "--out", tmp_path, "--name", "run")
        assert said.code == 2
        assert "'thesis.doc', which gradlab did not write" in said.err
        assert [path.name for path in (tmp_path / "run").iterdir()] == ["thesis.doc"]

    def test_a_folder_in_use_is_refused(self, tmp_path):
        (tmp_path / "run").mkdir()
        with (tmp_path / "run" / ".lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            said = gradlab("sweep", *SMALL, "--out", tmp_path, "--name", "run", "--json")
        assert said.code == document(said.out)["exit_code"] == 6
        assert "is in use by" in said.err


class TestNumbers:
    @pytest.mark.slow
    def test_one_network_that_overflows_fails_alone(self, tmp_path):
        words = ["sweep", "--cell", "elman(activation=relu)", "-T", "200", "--hidden", "8", "--seeds", "2"]
        words += ["--out", tmp_path]
        both = gradlab(*words, "--w-rec", "0.5,3.0", "--name", "both")
        alone = gradlab(*words, "--w-rec", "0.5", "--name", "alone", "--quiet")
        assert (both.code, alone.code, alone.err) == (3, 0, "")
        step = int(re.search(r"(?m)^ +3 NONFINITE step (\d+) \(2/2 seeds\)", both.out)[1])
        assert "2 of 4 points failed" in both.err

        failures = [
            json.loads(line) for line in (tmp_path / "both" / "failures.jsonl").read_text().splitlines()
        ]
        assert [(f["w_rec"], f["T"], f["seed"]) for f in failures] == [(3.0, 200, 0), (3.0, 200, 1)]
        assert min(f["step"] for f in failures) == step
        assert not (tmp_path / "alone" / "failures.jsonl").exists()

        lines = (tmp_path / "both" / "metrics.csv").read_text().splitlines()
        healthy = [line for line in lines if not line.startswith("elman(activation=relu),orthogonal,3.0,")]
        assert healthy == (tmp_path / "alone" / "metrics.csv").read_text().splitlines()

        again = gradlab(*words, "--w-rec", "0.5,3.0", "--name", "both", "--json")
        assert again.code == document(again.out)["exit_code"] == 3
        assert document(again.out)["status"] == "partial"

    @pytest.mark.slow
    def test_ten_to_the_two_thousand_and_exact_zero_are_ordinary(self, tmp_path):
        words = ["--w-rec", "0.0,10.0", "-T", "2000", "--hidden", "1", "--seeds", "2", "--cell", IDENTITY]
        said = gradlab("sweep", *words, "--out", tmp_path, "--name", "run")
        assert said.code == 0
        assert re.search(r"(?m)^    10 EXPLODE    \+1\.0000", said.out)
        assert re.search(r"(?m)^     0 VANISH           -", said.out)
        value, state = log10_transport(tmp_path / "run")
        assert float(value.sel(w_rec=10.0, lag=2000, seed=0)) == pytest.approx(2000, abs=1e-3)
        names = state.attrs["flag_meanings"].split()
        codes = state.sel(w_rec=0.0, seed=0).values
        assert [names[code] for code in codes[:3]] == ["ok", "exact_zero", "exact_zero"]
        assert len(set(codes[1:])) == 1

    @pytest.mark.slow
    def test_every_network_that_another_precision_sends_elsewhere_is_counted_as_chaotic(self, tmp_path):
        """Two of ten differ by 2.5 and 3.2 decades, in a row whose mean rate is near zero."""
        words = ["--hidden", "4", "--inputs", "2", "--init", "gaussian", "--cell", "layer_norm(cell=lstm)"]
        words += ["--w-rec=-1.3", "-T", "100", "--seeds", "10", "--out", tmp_path, "-q", "--json"]
        single = document(gradlab("sweep", *words, "--name", "single").out)["data"][0]
        double = document(gradlab("sweep", *words, "--name", "double", "--precision", "float64").out)["data"][
            0
        ]
        norms, ends = results.read(tmp_path / "single").norms, []
        for name in ("single", "double"):
            value, _ = log10_transport(tmp_path / name)
            ends.append(value.sel(w_rec=-1.3).transpose("seed", "lag").values)
        rates = profiles.rate(*(array[0, 0, 0, 0] for array in profiles.stored(norms, "transport", "state")))
        chaotic = regimes.trajectory_dependent(rates.value, 100, linear=False)
        elsewhere = np.abs(ends[0] - ends[1]).max(axis=1) > 0.01
        assert elsewhere.sum() >= 2
        assert chaotic[elsewhere].all()
        assert single["chaotic"] == chaotic.sum()
        assert single["trajectory_dependent"]
        assert double["trajectory_dependent"]
        said = " ".join(gradlab("show", tmp_path / "single").out.split())
        assert f"* trajectory-dependent: {chaotic.sum()} of 10 networks are chaotic" in said
        assert "the bound below is given the values of the forward pass" in said


class TestProcess:
    @pytest.mark.slow
    def test_a_reader_that_leaves_early_ends_it_quietly_with_all_saved(self, tmp_path, cache):
        read, write = os.pipe()
        os.close(read)
        said = finished("sweep", *SMALL, "--out", tmp_path, "--name", "run", env=cache, stdout=write)
        os.close(write)
        assert said.code == 0
        assert said.err.splitlines()[0].startswith("measuring")
        assert "Traceback" not in said.err
        assert "BrokenPipe" not in said.err
        assert results.read(tmp_path / "run").about["status"] == "complete"

    @pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
    def test_interrupted_it_leaves_no_folder_behind(self, tmp_path, number, code):
        words = with_option(SMALL, "-T", "20000")
        with process("sweep", *words, "--out", tmp_path, "--name", "run") as running:
            assert running.stderr.readline().startswith("measuring")
            running.send_signal(number)
            out, err = running.communicate(timeout=60)
        assert running.returncode == code
        assert (out, "Traceback" in err) == ("", False)
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_identity_start_of_three_units_is_measured(tmp_path, monkeypatch):
    """Jacobians that are nearly diagonal, small and spread out, as ordinary networks have them."""
    monkeypatch.chdir(tmp_path)
    words = ("--cell", "elman", "--init", "identity", "--hidden", "3", "--w-rec", "0.9,1.0", "-T", "300")
    said = gradlab("sweep", *words, "--input-std", "1", "--seeds", "20", "--json", "--quiet")
    assert said.code == 0
    assert all(row["regime"] == "VANISH" for row in document(said.out)["data"])
