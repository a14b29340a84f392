"""`docs/scale.md` works as it stands: its shell blocks are run, all other commands are there."""

import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.calling import gradlab

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text()


def commands(language):
    """The calls of gradlab in blocks of a language, as words after `gradlab`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("gradlab ")]


def test_the_shell_blocks_put_the_same_run_together(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told, *shares, merged, dask = commands("sh")
    assert gradlab(*told).out.startswith("grid ")
    assert not Path("results").exists()
    assert [gradlab(*words, "-q").code for words in [*shares, merged]] == [0, 0, 0]
    assert "--engine" in dask
    if find_spec("distributed") is not None:
        assert gradlab(*dask, "-q").code == 0
        for name in ("run.json", "metrics.csv", "norms.nc"):
            assert Path("results/dask", name).read_bytes() == Path("results/whole", name).read_bytes()


@pytest.mark.parametrize("words", commands("bash"), ids=lambda words: words[0])
def test_the_command_of_an_array_is_one(words, tmp_path):
    here = {"$SLURM_ARRAY_TASK_ID/20": "7/20", "$HOME/shares": str(tmp_path)}
    said = gradlab(*[here.get(word, word) for word in words], "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert "7-of-20" in said.out
