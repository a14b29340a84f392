"""What is set before jax is imported."""

import os
import sys

import jax
import pytest

from gradlab import runtime
from gradlab.errors import Exit, GradlabError
from gradlab.recurrence import platforms


@pytest.fixture
def before_jax(monkeypatch, tmp_path):
    """As if jax were not imported yet, with a cache folder of its own and no settings of the user's."""
    monkeypatch.delitem(sys.modules, "jax")
    for name in [name for name in os.environ if name.startswith(("JAX_", "XLA_", "GRADLAB_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(os, "environ", os.environ.copy())
    os.environ["XDG_CACHE_HOME"] = str(tmp_path)


@pytest.mark.usefixtures("before_jax")
def test_every_core_is_a_device_and_products_are_exact(tmp_path):
    runtime.configure()
    assert f"--xla_force_host_platform_device_count={runtime.cores()}" in os.environ["XLA_FLAGS"]
    assert os.environ["JAX_DEFAULT_MATMUL_PRECISION"] == "highest"
    assert os.environ["JAX_COMPILATION_CACHE_DIR"].startswith(str(tmp_path))
    assert "JAX_PLATFORMS" not in os.environ


@pytest.mark.usefixtures("before_jax")
def test_what_the_user_has_set_stays_and_a_second_call_changes_nothing():
    os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=7"
    runtime.configure("cpu")
    assert os.environ["XLA_FLAGS"].count("device_count=7") == 1
    assert f"device_count={runtime.cores()} " not in os.environ["XLA_FLAGS"]
    assert os.environ["JAX_PLATFORMS"] == "cpu"
    first = dict(os.environ)
    runtime.configure("cpu")
    assert dict(os.environ) == first


@pytest.mark.usefixtures("before_jax")
@pytest.mark.parametrize(
    ("device", "gpu", "said", "level"),
    [
        ("auto", False, "", "1"),
        ("cpu", True, "", "1"),
        # Its programs would be compiled with it, too.
        ("auto", True, "", None),
        ("cuda", True, "", None),
        ("auto", False, "--xla_backend_optimization_level=2", "2"),
    ],
)
def test_xla_optimises_less_where_there_is_only_a_cpu(monkeypatch, device, gpu, said, level):
    monkeypatch.setattr(runtime, "has_gpu", lambda: gpu)
    os.environ["XLA_FLAGS"] = said
    runtime.configure(device)
    told = [flag.partition("=")[2] for flag in os.environ["XLA_FLAGS"].split() if runtime.LEVEL in flag]
    assert told == ([] if level is None else [level])


def test_programs_are_compiled_at_that_level_in_any_process_unless_xla_flags_say(monkeypatch):
    if not platforms.on_cpu():
        pytest.skip("of a CPU's programs")
    wide = {"xla_cpu_prefer_vector_width": 512}
    with monkeypatch.context() as user:
        user.setenv("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
        told = platforms.options()
        assert told == {runtime.LEVEL: 1}
        assert platforms.options(training=True) == told | wide
        user.setenv("XLA_FLAGS", f"--{runtime.LEVEL}=3")
        assert platforms.options() == {}
        assert platforms.options(training=True) == wide
    # XLA takes it.
    assert jax.jit(lambda x: x + 1, compiler_options=told)(1) == 2


def test_a_host_that_has_imported_jax_keeps_its_settings():
    import jax  # noqa: F401

    first = dict(os.environ)
    runtime.configure("cuda")
    assert dict(os.environ) == first


@pytest.mark.usefixtures("before_jax")
def test_the_compile_cache_can_be_off_and_an_unusable_one_is_off(tmp_path):
    folder = runtime.compile_cache()
    assert folder.is_dir()
    assert folder.stat().st_mode & 0o077 == 0
    os.environ["GRADLAB_COMPILE_CACHE"] = "off"
    assert runtime.compile_cache() is None
    del os.environ["GRADLAB_COMPILE_CACHE"]
    (tmp_path / "file").touch()
    os.environ["XDG_CACHE_HOME"] = str(tmp_path / "file")
    assert runtime.compile_cache() is None


def test_facts_name_versions_and_devices():
    facts = runtime.facts()
    assert facts["devices"] == 2
    assert facts["matmul_precision"] == "highest"
    assert all(facts[name] for name in ("gradlab", "python", "jax", "jaxlib", "numpy", "cpu", "cores"))


@pytest.mark.parametrize("error", [RuntimeError("no such backend\nmore"), AssertionError()])
def test_a_missing_device_is_an_error_of_the_environment(monkeypatch, error):
    def fail(backend=None):
        raise error

    monkeypatch.setattr(jax, "devices", fail)
    with pytest.raises(GradlabError, match="--device: cuda") as caught:
        runtime.require_device("cuda")
    assert caught.value.code is Exit.ENVIRONMENT


class TestPick:
    """Where `--device auto` computes, on a machine with a card and on one without."""

    @pytest.fixture
    def picked(self, monkeypatch):
        found = []
        monkeypatch.delenv("JAX_PLATFORMS", raising=False)
        monkeypatch.setattr(runtime, "has_gpu", lambda: True)
        monkeypatch.setattr(jax.config, "update", lambda name, value: found.append((name, value)))
        return found

    @pytest.mark.parametrize(("work", "platforms"), [(0.0, "cpu"), (1e12, "cpu"), (1e14, "cuda,cpu")])
    def test_a_card_where_the_work_pays_for_it(self, picked, monkeypatch, work, platforms):
        monkeypatch.setenv("XLA_FLAGS", "")
        runtime.pick("auto", work)
        assert picked == [("jax_platforms", platforms)]
        # The same programs as with `--device cpu`.
        assert (runtime.LEVEL in os.environ["XLA_FLAGS"]) is (platforms == "cpu")

    def test_what_was_said_is_kept(self, picked, monkeypatch):
        runtime.pick("cpu", 1e14)
        monkeypatch.setenv("JAX_PLATFORMS", "cpu")
        runtime.pick("auto", 1e14)
        assert not picked

    def test_what_it_would_be_is_told(self, picked, monkeypatch):
        assert runtime.choice() == "cpu; cuda from 1e+13 multiplications on"
        monkeypatch.setattr(runtime, "has_gpu", lambda: False)
        assert runtime.choice() == "cpu: no GPU that JAX could use"
        monkeypatch.setenv("JAX_PLATFORMS", "cuda,cpu")
        assert runtime.choice() == "cuda, as JAX_PLATFORMS says"

    def test_without_a_card_nothing_is_changed(self, picked, monkeypatch):
        monkeypatch.setattr(runtime, "has_gpu", lambda: False)
        runtime.pick("auto", 1e14)
        assert not picked


def test_what_a_group_is_marked_with_is_looked_up_once_in_a_process(monkeypatch):
    before = runtime.versions()
    monkeypatch.setattr("importlib.metadata.version", lambda name: pytest.fail(f"{name} is looked up again"))
    assert runtime.versions() == before
    # What a process may still change is what it is now.
    monkeypatch.setattr(runtime, "cpu_model", lambda: "another")
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    assert runtime.versions() == before | {"processor": "another"}
    # Its matrix products may be told to round as elsewhere.
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert runtime.versions() == before | {"processor": "another with OPENBLAS_CORETYPE=Haswell"}


def test_facts_and_versions_name_one_processor(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert runtime.facts()["cpu"] == runtime.versions()["processor"]
    assert runtime.facts()["cpu"] == f"{runtime.cpu_model()} with OPENBLAS_CORETYPE=Haswell"
