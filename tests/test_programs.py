"""Programs that are kept between commands: found by what they are made of, and by nothing less."""

import functools
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import digests, memory, programs, runtime
from gradlab.programs import Program
from gradlab.recurrence import platforms
from gradlab.types import Remedy

on_cpu = pytest.mark.skipif(jax.default_backend() != "cpu", reason="programs are kept for a CPU alone")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """This process as if it were a command with a folder of its own; gives the folder of programs."""
    monkeypatch.setattr(memory, "_own", True)
    monkeypatch.setattr(runtime, "compile_cache", lambda: tmp_path)
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path))
    programs._known.clear()
    return tmp_path / "programs"


class Counted:
    """A jitted function that counts how often it is traced."""

    def __init__(self, f, **options) -> None:
        self.count = 0

        def traced(*given):
            self.count += 1
            return f(*given)

        self.jitted = jax.jit(traced, **options)

    def program(self, *parts) -> Program:
        return Program(self.jitted, *parts)


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


@on_cpu
def test_a_program_is_traced_once_and_read_afterwards(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double, x = Counted(lambda x: 2 * x), jnp.arange(3.0)
    assert list(double.program("double")(x)) == [0, 2, 4]
    (kept,) = files(own)
    programs._known.clear()
    again = Counted(lambda x: pytest.fail("traced again"))
    assert list(again.program("double")(x)) == [0, 2, 4]
    assert files(own) == [kept]
    assert (double.count, again.count) == (1, 0)


@on_cpu
def test_what_jax_has_in_its_own_cache_is_compiled_for_keeping(own: Path) -> None:
    """JAX gives it without what writing it down takes."""
    f = lambda x: jnp.cumsum(jnp.sin(x) * jnp.cos(x[::-1])) + x @ jnp.tanh(x)
    x = jnp.arange(7.0)
    wanted = jax.jit(f)(x)
    jax.clear_caches()
    Program(jax.jit(f), "in both")(x)
    programs._known.clear()
    assert np.array_equal(Program(jax.jit(lambda x: pytest.fail("traced")), "in both")(x), wanted)


@on_cpu
def test_the_digest_is_kept_with_the_program(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    double, x = Counted(lambda x: 2 * x), jnp.arange(3.0)
    made = double.program("double").made(x)
    told = made.code
    assert told == digests.digest(double.jitted.lower(x))
    assert not files(own)
    made.compiled(x)
    programs._known.clear()
    assert Counted(lambda x: pytest.fail("traced again")).program("double").made(x).code == told


@on_cpu
@pytest.mark.parametrize(
    ("parts", "given"),
    [
        pytest.param(("triple",), jnp.arange(3.0), id="what it does"),
        pytest.param(("double", 1), jnp.arange(3.0), id="one more part"),
        pytest.param(("double",), jnp.arange(4.0), id="another length"),
        pytest.param(("double",), jnp.arange(3), id="another kind of number"),
        pytest.param(("double",), (jnp.arange(3.0),), id="another structure"),
    ],
)
def test_what_differs_in_anything_is_another_program(own: Path, parts: tuple, given: object) -> None:
    Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))
    other = Counted(lambda x: jax.tree.map(lambda leaf: 3 * leaf, x))
    other.program(*parts)(given)
    assert other.count == 1
    assert len(files(own)) == 2


@on_cpu
@pytest.mark.parametrize("what", ["precision", "source", "flags", "jaxlib"])
def test_so_is_what_is_made_of_other_files_or_by_others(
    own: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    double = Counted(lambda x: 2 * x)
    double.program("double")(np.arange(3, dtype=np.float32))
    programs._known.clear()
    programs._surroundings.cache_clear()
    if what == "source":
        monkeypatch.setattr(digests, "source", lambda: "f" * 64)
    elif what == "flags":
        monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "") + " ")
    elif what == "jaxlib":
        monkeypatch.setattr(runtime, "programs", lambda: {"jaxlib": "0.0.0"})
    other = jax.enable_x64(not jax.config.jax_enable_x64) if what == "precision" else monkeypatch.context()
    with other:
        double.program("double")(np.arange(3, dtype=np.float32))
    programs._surroundings.cache_clear()
    assert len(files(own)) == 2


@on_cpu
@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "not there"])
def test_a_damaged_file_is_written_anew(own: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    double, x = Counted(lambda x: 2 * x), jnp.arange(3.0)
    double.program("double")(x)
    (kept,) = files(own)
    whole = kept.read_bytes()
    if damage == "not there":
        kept.unlink()
    else:
        changed = whole[:40] + bytes([whole[40] ^ 1]) + whole[41:]
        kept.write_bytes({"cut": whole[:-9], "changed": changed, "empty": b""}[damage])
    programs._known.clear()
    assert list(Counted(lambda x: 2 * x).program("double")(x)) == [0, 2, 4]
    assert files(own) == [kept]
    assert programs._read(kept) is not None


@on_cpu
@pytest.mark.parametrize(
    "f",
    [
        pytest.param(lambda x: jnp.linalg.qr(x)[0], id="LAPACK"),
        pytest.param(
            lambda x: jax.pure_callback(lambda x: x, jax.ShapeDtypeStruct(x.shape, x.dtype), x), id="Python"
        ),
    ],
)
def test_what_calls_others_by_their_address_is_not_kept(own: Path, f) -> None:
    found = Program(jax.jit(f), "calls")(jnp.eye(2))
    np.testing.assert_allclose(np.abs(found), np.eye(2))
    assert not files(own)


@on_cpu
def test_nor_is_what_users_bring(own: Path) -> None:
    def foreign() -> None:
        pass

    for part in (foreign, object(), Remedy(cell=foreign), functools.partial(foreign)):
        Counted(lambda x: 2 * x).program(part)(jnp.arange(3.0))
    assert not files(own)


def test_a_host_keeps_nothing(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_own", False)
    double = Counted(lambda x: 2 * x).program("double")
    assert list(double(jnp.arange(3.0))) == [0, 2, 4]
    assert double.made(jnp.arange(3.0)).compiled(jnp.arange(3.0))[2] == 4
    assert not files(own)


def test_so_does_a_command_with_no_folder_or_on_a_card(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(platforms, "on_cpu", lambda: False)
        Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))
    for cache in (lambda: None, lambda: own / "another"):
        monkeypatch.setattr(runtime, "compile_cache", cache)
        Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))
    assert not files(own)


@on_cpu
def test_a_full_disk_costs_the_keeping_alone(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(programs, "replace", full)
    assert list(Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))) == [0, 2, 4]
    assert not files(own)


@on_cpu
def test_programs_of_older_files_go_after_a_month(own: Path) -> None:
    for name, days in (("old", 31), ("young", 29)):
        one = own / name / "program"
        one.parent.mkdir(parents=True)
        one.touch()
        then = os.stat(one).st_mtime - days * 24 * 3600
        os.utime(one.parent, (then, then))
    Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))
    assert not (own / "old").exists()
    assert (own / "young" / "program").exists()


@on_cpu
def test_release_lets_go_of_programs(own: Path) -> None:
    Counted(lambda x: 2 * x).program("double")(jnp.arange(3.0))
    assert len(programs._known) == 1
    memory.release()
    assert not programs._known


@on_cpu
def test_within_a_program_it_is_that_function(own: Path) -> None:
    double = Counted(lambda x: 2 * x).program("double")
    assert list(jax.jit(lambda x: double(x) + 1)(jnp.arange(3.0))) == [1, 3, 5]
    assert not files(own)


@pytest.mark.slow
@on_cpu
@pytest.mark.parametrize(
    "words",
    [
        "sweep --cell elman,gru --hidden 4 --w-rec 0.9,1.2 -T 6,9 --seeds 2",
        "remedies adding -T 8 --hidden 4 --updates 40 --eval-every 20 --lr 0.01 --seeds 2 -r none",
    ],
)
def test_a_command_gives_the_same_bytes_with_programs_that_are_kept(words: str, tmp_path: Path) -> None:
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}

    def run(name: str, **more: str) -> dict[str, bytes]:
        command = [sys.executable, "-m", "gradlab", *words.split(), "-q", "--out", str(tmp_path)]
        command += ["--name", name]
        given = inherited | {"XDG_CACHE_HOME": str(tmp_path / "cache"), **more}
        subprocess.run(command, env=given, check=True, capture_output=True)
        found = [path for path in (tmp_path / name).rglob("*") if path.suffix in (".nc", ".csv")]
        return {path.name: path.read_bytes() for path in found}

    first = run("first")
    kept = [path for path in (tmp_path / "cache").rglob("programs/*/*") if path.is_file()]
    assert len(kept) >= 2
    assert first
    assert run("second") == first == run("without", GRADLAB_COMPILE_CACHE="off")
    assert kept == [path for path in (tmp_path / "cache").rglob("programs/*/*") if path.is_file()]
