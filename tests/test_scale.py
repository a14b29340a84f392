"""`docs/scale.md` works as it stands: its shell blocks are run, all other commands are there."""

import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.cli.calling import ENVIRONMENT, gradlab

PAGE = (Path(__file__).parents[1] / "docs" / "scale.md").read_text()


def commands(language):
    """The calls of gradlab in blocks of a language, as words after `gradlab`."""
    blocks = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("gradlab ")]


@pytest.mark.slow
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


def on_processors(holding):
    """A block of a shell that holds this, its commands those of this Python, and no card needed."""
    blocks = re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    (found,) = (one for one in blocks if holding in one)
    ours = f'gradlab() {{ "{sys.executable}" -m gradlab "$@"; }}\n'
    return ours + found.replace("--device cuda", "--device cpu")


@pytest.mark.slow
def test_the_block_of_a_box_with_cards_puts_the_same_run_together(tmp_path):
    (_, first, *_) = commands("sh")
    alone = [*first[: first.index("--shard")], "--name", "alone"]
    assert gradlab(*alone, "--out", tmp_path / "results", "-q").code == 0
    ran = subprocess.run(
        ["bash", "-e", "-c", on_processors("CUDA_VISIBLE_DEVICES")],
        env=ENVIRONMENT,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    for name in ("metrics.csv", "norms.nc"):
        made, whole = (tmp_path / "results" / run / name for run in ("whole", "alone"))
        assert made.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("words", commands("bash"), ids=lambda words: words[0])
def test_the_command_of_an_array_is_one(words, tmp_path):
    here = {"$SLURM_ARRAY_TASK_ID/20": "7/20", "$HOME/shares": str(tmp_path)}
    said = gradlab(*[here.get(word, word) for word in words], "--dry-run")
    assert (said.code, said.err) == (0, "")
    assert "7-of-20" in said.out
