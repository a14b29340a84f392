"""The commands that measure nothing: show, list, doctor, help, version."""

import io
import os
import re
import subprocess
import sys

import pytest

import gradlab as package
from gradlab import registry
from gradlab.cli import app
from gradlab.studies.sweep import results
from tests import made_runs, samples
from tests.cli.calling import ENVIRONMENT, document, finished, gradlab

HEAVY = ("jax", "jaxlib", "numpy", "pandas", "matplotlib", "xarray", "scipy", "h5py", "pydantic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    norms = samples.norms(("elman", "lstm"), (0.0, 0.5, 1.0, 1.5), seeds=3)
    place = tmp_path_factory.mktemp("results") / "run"
    results.write(place, results.Run(made_runs.facts(norms), results.metrics(norms), norms))
    return place


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


class TestShow:
    @pytest.mark.slow
    def test_prints_the_same_again_byte_for_byte(self, folder):
        first, second = finished("show", folder), finished("show", folder)
        assert first == second
        assert (first.code, first.err) == (0, "")
        assert max(map(len, first.out.splitlines())) <= 80
        assert "▁" in first.out
        assert "\x1b" not in first.out

    def test_run_json_names_the_run_as_well(self, folder):
        assert gradlab("show", folder / "run.json") == gradlab("show", folder)

    def test_json_is_one_strict_document(self, folder):
        found = document(gradlab("show", folder, "--json").out)
        assert (found["exit_code"], found["run_dir"], len(found["data"])) == (0, str(folder), 8)

    @pytest.mark.parametrize(
        "env", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "LANG": "C", "PYTHONCOERCECLOCALE": "0"}]
    )
    def test_a_terminal_without_unicode_gets_ascii(self, folder, env):
        said = finished("show", folder, env=env)
        assert (said.code, said.err) == (0, "")
        assert said.out.isascii()
        assert "_ 10^-6 or less to # 10^6 or more" in said.out

    def test_colour_is_for_terminals_that_want_it(self, folder, monkeypatch):
        from gradlab.cli import _output

        run = results.read(folder)
        texts = {}
        for name, set_to in (("plain", "1"), ("colored", None)):
            monkeypatch.setenv("TERM", "xterm-256color")
            monkeypatch.setenv("NO_COLOR", set_to) if set_to else monkeypatch.delenv(
                "NO_COLOR", raising=False
            )
            monkeypatch.setattr(sys, "stdout", Terminal())
            _output.say_table(run)
            texts[name] = sys.stdout.getvalue()
        assert "\x1b" not in texts["plain"]
        assert re.sub(r"\x1b\[[\d;]*m", "", texts["colored"]) == texts["plain"] != texts["colored"]

    def test_what_is_no_run_is_a_mistake(self, tmp_path):
        for place in (tmp_path, tmp_path / "nowhere"):
            said = gradlab("show", place)
            assert (said.code, said.out) == (2, "")
            assert re.fullmatch(rf"error: {place}: .+; .+\n", said.err)


class TestList:
    @pytest.mark.parametrize("kind", registry.KINDS)
    def test_every_member_of_a_kind_stands_in_it_and_in_the_whole_list(self, kind):
        one, everything = gradlab("list", kind), gradlab("list")
        assert one.code == everything.code == 0
        for name in registry.names(kind):
            assert re.search(rf"(?m)^  {name}\b", one.out)
        assert one.out in everything.out

    def test_experiments_are_those_of_the_package_and_of_the_folder_of_that_name(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        packaged = gradlab("list", "experiments").out
        assert packaged.startswith("EXPERIMENTS\n\n  adding_irnn\n    Does identity initialisation")
        (tmp_path / "experiments").mkdir()
        (tmp_path / "experiments" / "mine.toml").write_text('question = "Does it?"\n[sweep]\n')
        own = "\n  experiments/mine.toml\n    Does it?\n\n"
        assert gradlab("list", "experiments").out == packaged.removesuffix("\n") + own

    def test_json_holds_settings_with_their_defaults(self):
        found = document(gradlab("list", "--json").out)["data"]
        assert set(found) == {*registry.KINDS, "experiments", "schemas"}
        elman = next(member for member in found["cells"] if member["name"] == "elman")
        assert elman["settings"] == {"activation": "tanh"}

    def test_an_unknown_kind_is_a_mistake(self):
        known = ", ".join(sorted([*registry.KINDS, "experiments", "schemas"]))
        assert gradlab("list", "bogus").err == f"error: KIND: no kind called 'bogus'; known: {known}\n"
        said = gradlab("list", "cels", "--json")
        assert said.code == document(said.out)["exit_code"] == 2
        assert "did you mean cells?" in said.err


class TestDoctor:
    def test_says_what_numbers_depend_on(self):
        said = gradlab("doctor")
        assert (said.code, said.err) == (0, "")
        for word in (
            "jax",
            "devices",
            "cores",
            "matmul precision",
            "float32 products",
            "compile cache",
            "memory available",
            "auto device",
            r"products +\d+ GFLOP/s",
            r"copies +\d+\.\d GB/s",
        ):
            assert re.search(rf"(?m)^{word} +\S", said.out)

    def test_a_real_process_is_set_up_as_the_numbers_need_it(self):
        data = document(finished("doctor", "--json").out)["data"]
        assert (data["matmul_precision"], data["float32_products"]) == ("highest", "exact")
        assert data["devices"] == data["cores"]
        assert (data["float64"], data["compile_cache"]) == ("on", "off")


class TestHelp:
    def test_it_imports_nothing_heavy(self):
        code = (
            "import sys; from gradlab import cli; cli.execute(['-h']); print(*sys.modules, file=sys.stderr)"
        )
        said = subprocess.run(
            [sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, check=True
        )
        assert "Usage: gradlab" in said.stdout
        assert not set(said.stderr.split()) & set(HEAVY)

    def test_version(self):
        assert gradlab("--version") == (0, f"gradlab {package.__version__}\n", "")

    @pytest.mark.parametrize("command", [c.name for c in app().registered_commands])
    def test_every_command_explains_every_option(self, command):
        said = gradlab(command, "--help")
        assert (said.code, said.err) == (0, "")
        assert f"Usage: gradlab {command}" in said.out

    def test_it_names_the_exit_codes(self):
        assert "7 would exceed memory or time" in " ".join(gradlab("--help").out.split())


@pytest.mark.ends
@pytest.mark.parametrize(
    "words", [["list"], ["--help"], ["--version"], ["doctor", "--json"], ["show", "nowhere", "--json"]]
)
def test_a_reader_that_left_is_no_error(words):
    read, write = os.pipe()
    os.close(read)
    said = finished(*words, stdout=write)
    os.close(write)
    assert said.code == 0 if words[0] != "show" else said.code in (0, 2)
    assert "Traceback" not in said.err
    assert "BrokenPipe" not in said.err


def test_another_T_is_printed_where_it_is_asked_for(folder):
    longest, shorter = gradlab("show", folder), gradlab("show", folder, "--where", "T=20")
    assert "gradlab show --where T=20" in " ".join(longest.out.split())
    assert "T = 20. rate" in shorter.out
    assert gradlab("show", folder, "--where", "T=21").code == 2
