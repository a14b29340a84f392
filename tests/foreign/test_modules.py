"""Cells of flax and equinox measured as they stand, and their parameters from files and folders."""

import zipfile

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import gradlab
from gradlab.errors import GradlabError
from gradlab.foreign import checkpoints, modules
from gradlab.studies.sweep.program import state_parts

T, D, N = 4, 2, 3
XS = np.random.default_rng(0).standard_normal((T, D))


@pytest.fixture(autouse=True)
def _as_libraries_want_it():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def of_linen():
    cell = linen.LSTMCell(N, dtype=np.float64, param_dtype=np.float64)
    carry = cell.initialize_carry(jax.random.key(0), (D,))
    return cell, cell.init(jax.random.key(1), carry, jnp.asarray(XS[0]))


def of_nnx(seed=0):
    return nnx.LSTMCell(D, N, dtype=np.float64, param_dtype=np.float64, rngs=nnx.Rngs(seed))


def of_equinox(seed=0):
    return eqx.nn.LSTMCell(D, N, dtype=np.float64, key=jax.random.key(seed))


def test_each_is_read_into_its_own_step():
    """The states are those that the library's own call leads to, in its own order."""
    cell, variables = of_linen()
    carry = cell.initialize_carry(jax.random.key(0), (D,))
    read = modules.of(cell, variables, None, XS, 1)
    ours = read.state
    for x in jnp.asarray(XS):
        carry, _ = cell.apply(variables, carry, x)
        ours = read.step(read.params, ours, x)
    np.testing.assert_array_equal(ours.h, carry[1])
    np.testing.assert_array_equal(ours.c, carry[0])
    assert sorted(read.recurrent(read.params)) == ["hf/kernel", "hg/kernel", "hi/kernel", "ho/kernel"]
    theirs, state = of_equinox(), (jnp.zeros(N), jnp.zeros(N))
    read = modules.of(theirs, XS, None, None, 1)
    ours = read.state
    for x in jnp.asarray(XS):
        state, ours = theirs(x, state), read.step(read.params, ours, x)
    np.testing.assert_array_equal(ours.h, state[0])
    np.testing.assert_array_equal(ours.c, state[1])
    assert list(read.recurrent(read.params)) == ["weight_hh"]
    assert state_parts(read.state) == ("state", "h", "c")
    assert jnp.array_equal(read.readout(ours), ours.h)
    theirs = of_nnx()
    carry = theirs.initialize_carry((D,), nnx.Rngs(0))
    read = modules.of(theirs, None, carry, XS, 1)
    ours = read.state
    for x in jnp.asarray(XS):
        carry, _ = theirs(carry, x)
        ours = read.step(read.params, ours, x)
    np.testing.assert_array_equal(ours.h, carry[1])
    assert read.step.__name__ == "LSTMCell"


def saved(folder, weights, below=""):
    np.savez(folder / "w.npz", **{f"{below}{name}": np.asarray(leaf) for name, leaf in weights.items()})
    return folder / "w.npz"


def same(tree, other):
    jax.tree.map(np.testing.assert_array_equal, checkpoints.names(tree), checkpoints.names(other))


@pytest.mark.parametrize("below", ["", "params/", "model.encoder."])
def test_parameters_come_from_a_file(tmp_path, below):
    cell, variables = of_linen()
    path = saved(tmp_path, checkpoints.names(variables["params"]), below)
    same(modules.of(cell, path, None, XS, 1).params, variables["params"])
    path = saved(tmp_path, checkpoints.names(of_equinox(3)), below)
    same(modules.of(of_equinox(), str(path), None, XS, 1).params, of_equinox(3))
    path = saved(tmp_path, checkpoints.names(nnx.state(of_nnx(3), nnx.Param)), below)
    same(modules.of(of_nnx(), path, None, XS, 1).params, nnx.state(of_nnx(3), nnx.Param))


def test_parameters_come_from_a_folder_of_orbax(tmp_path):
    ocp = pytest.importorskip("orbax.checkpoint", reason="orbax-checkpoint is not installed")
    cell, variables = of_linen()
    with ocp.StandardCheckpointer() as writer:
        writer.save(tmp_path / "linen", {"step": np.int32(7), **variables})
        writer.save(tmp_path / "nnx", nnx.state(of_nnx(3), nnx.Param))
    same(modules.of(cell, tmp_path / "linen", None, XS, 1).params, variables["params"])
    same(modules.of(of_nnx(), tmp_path / "nnx", None, XS, 1).params, nnx.state(of_nnx(3), nnx.Param))
    (tmp_path / "nnx" / "elsewhere").symlink_to("/etc")
    with pytest.raises(GradlabError, match=r"elsewhere: is a link or no regular file"):
        checkpoints.read(tmp_path / "nnx")
    with pytest.raises(
        GradlabError, match=r"is no checkpoint of orbax; name the folder that holds _METADATA"
    ):
        checkpoints.read(tmp_path)
    (tmp_path / "linen" / "_METADATA").write_text("{}")
    with pytest.raises(GradlabError, match=r"linen: cannot be read by orbax"):
        checkpoints.read(tmp_path / "linen")


def bomb(path):
    with zipfile.ZipFile(path, "w") as folder:
        folder.writestr("w.npy", b"")
        folder.infolist()[0].file_size = 2**40
    return path


def test_files_from_elsewhere_are_refused(tmp_path):
    np.savez(tmp_path / "p.npz", w=np.array([{}], object))
    with pytest.raises(GradlabError, match="holds pickled objects, which are never read"):
        checkpoints.read(tmp_path / "p.npz")
    with pytest.raises(GradlabError, match="unpacks to"):
        checkpoints.read(bomb(tmp_path / "bomb.npz"))
    with pytest.raises(GradlabError, match=r"w.pkl: is no file of parameters; .npz, .safetensors"):
        checkpoints.read(tmp_path / "w.pkl")
    with pytest.raises(GradlabError, match=r"step_100: no such file or folder"):
        checkpoints.read(tmp_path / "step_100")
    with pytest.raises(GradlabError, match=r"none.npz: cannot be read"):
        checkpoints.read(tmp_path / "none.npz")


WEIGHTS = {name: np.asarray(leaf) for name, leaf in checkpoints.names(of_equinox()).items()}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({k: v for k, v in WEIGHTS.items() if k != "bias"}, "lacks 'bias' of the module; it holds 'weight"),
        (WEIGHTS | {"bias_n": np.ones(3)}, "holds 'bias_n' as well, which the module has not"),
        (WEIGHTS | {"bias": np.ones(3)}, r"'bias': has shape \(3,\); the module's is \(12,\)"),
        (WEIGHTS | {"bias": np.full(12, np.nan)}, r"'bias'\[0\]: is nan"),
        ({f"{a}/{k}": v for a in "ab" for k, v in WEIGHTS.items()}, "has such parameters at 'a/', 'b/'"),
    ],
)
def test_parameters_of_another_module_are_refused(tmp_path, weights, message):
    with pytest.raises(GradlabError, match=message):
        gradlab.measure(of_equinox(), params=saved(tmp_path, weights), xs=XS)


class Odd(eqx.Module):
    """A cell of somebody's, without a size."""

    w: jax.Array

    def __call__(self, x, state):
        return jnp.tanh(self.w * state + x)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradlab.measure(Odd(jnp.ones(2)), XS), "state: is not given, and Odd has no hidden_size"),
        (
            lambda: gradlab.measure(eqx.nn.GRUCell(5, N, key=jax.random.key(0)), XS),
            "state: is not given, and ",
        ),
        (lambda: gradlab.measure(of_linen()[0], xs=XS), "params: is not given; pass what the module's init"),
        (lambda: gradlab.measure(of_linen()[0], of_linen()[1]), "xs: is not given"),
        (
            lambda: gradlab.measure(of_linen()[0], {"params": {}, "stats": {}}, None, XS),
            "params: holds stats",
        ),
        (
            lambda: gradlab.measure(nnx.RNN(of_nnx()), XS),
            "step: RNN runs over a whole sequence; pass its cell",
        ),
        (lambda: gradlab.measure(nnx.Dropout(0.5, rngs=nnx.Rngs(0)), XS), "step: Dropout holds variables"),
        (lambda: gradlab.measure(of_equinox(), jnp.float32(1)), r"xs: has shape \(\); here it is \(T, ...\)"),
    ],
)
def test_what_is_no_cell_is_refused(call, message):
    with pytest.raises(GradlabError, match=message):
        call()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["linen", "nnx", "equinox"])
def test_it_is_what_a_step_by_hand_gives(kind):
    """With the step, the state, the readout and the recurrent weights written out."""
    start, h, c = (jnp.zeros(N), jnp.zeros(N)), 1, 0  # flax's carry is (c, h)
    loss = {"loss": lambda h, y: h @ y, "targets": np.arange(1.0, N + 1)}
    kernels = lambda p: {name: p[name]["kernel"] for name in ("hi", "hf", "hg", "ho")}
    if kind == "linen":
        cell, variables = of_linen()
        found = gradlab.measure(cell, params=variables, xs=XS, **loss)
        step, params = lambda p, s, x: cell.apply({"params": p}, s, x)[0], variables["params"]
    elif kind == "nnx":
        found = gradlab.measure(of_nnx(), XS, **loss)
        graph, params = nnx.split(of_nnx())
        step = lambda p, s, x: nnx.merge(graph, p)(s, x)[0]
    else:
        found = gradlab.measure(of_equinox(), XS, **loss)
        step, params, h, c, kernels = (lambda p, s, x: p(x, s)), of_equinox(), 0, 1, lambda p: p.weight_hh
    hand = gradlab.measure(step, params, start, XS, w_rec=kernels, readout=lambda s: s[h], **loss)
    assert found.part.values.tolist() == ["state", "h", "c"]
    assert found.cell.item() == "LSTMCell"
    ours = hand.sel(part=["state", str(h), str(c)])
    for name in ("adjoint", "transport", "transport_frobenius", "weight_gradient", "gradient"):
        np.testing.assert_allclose(found[name].values, ours[name].values, rtol=0, atol=1e-12)


@pytest.mark.slow
def test_a_cell_of_somebody_s_takes_its_state_and_ragged_sequences():
    xs = np.stack([XS, np.where(np.arange(T)[:, None] < 2, XS, np.nan)])
    cell = Odd(jnp.array([0.5, 0.7]))
    found = gradlab.measure(cell, xs, jnp.zeros(D), lengths=[T, 2], w_rec=lambda c: c.w)
    assert found["sequences"].squeeze().values.tolist() == [2, 2, 2, 1, 1]
    assert found.cell.item() == "Odd"
