import sys
import types

import numpy as np
import pytest

from gradlab.errors import Exit, GradlabError
from gradlab.tasks import digits
from gradlab.tasks.digits import Digits
from gradlab.testing import check_task
from gradlab.testing.sequences import draw


@pytest.fixture
def drawings(monkeypatch):
    """Images like those of scikit-learn in shape and range; the first pixels tell which image it is."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 17, (1797, 64)).astype(float)
    images[:, :3] = np.stack(np.unravel_index(np.arange(1797), (17, 17, 17)), axis=1)
    classes = rng.integers(0, 10, 1797)
    module = types.ModuleType("sklearn.datasets")
    module.load_digits = lambda return_X_y: (images, classes)
    monkeypatch.setitem(sys.modules, "sklearn", types.ModuleType("sklearn"))
    monkeypatch.setitem(sys.modules, "sklearn.datasets", module)
    for cached in (digits.load, draw):
        cached.cache_clear()
    yield images, classes
    for cached in (digits.load, draw):
        cached.cache_clear()


def which(pixels):
    return np.ravel_multi_index(np.rint(16 * pixels[:, :3]).astype(int).T, (17, 17, 17))


def test_contract(drawings):
    check_task(Digits())


@pytest.mark.parametrize(("part", "first", "last"), [("train", 0, 1436), ("test", 1437, 1796)])
def test_pixels_come_in_row_by_row_each_held_as_long(drawings, part, first, last):
    images, classes = drawings
    examples = draw(Digits(part=part), 150, 1000)
    pixels = examples.xs[:, :128:2, 0]
    np.testing.assert_array_equal(pixels, examples.xs[:, 1:128:2, 0])
    assert not examples.xs[:, 128:].any()
    shown = which(pixels)
    np.testing.assert_array_equal(pixels, images[shown] / 16)
    np.testing.assert_array_equal(examples.target[:, 127], classes[shown])
    assert first <= shown.min() < shown.max() <= last


def test_permuted_is_one_order_for_all(drawings):
    plain, permuted = (draw(Digits(permuted=p), 64, 300).xs[..., 0] for p in (False, True))
    columns = {tuple(column): at for at, column in enumerate(plain.T)}
    order = [columns[tuple(column)] for column in permuted.T]
    assert sorted(order) == list(range(64))
    assert order != list(range(64))


def test_chance_is_the_entropy_of_the_classes(drawings):
    odds = np.bincount(drawings[1][1437:]) / 360
    assert Digits(part="test").chance(64) == pytest.approx(-(odds * np.log(odds)).sum(), rel=1e-13)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    digits.load.cache_clear()
    with pytest.raises(GradlabError, match="digits needs scikit-learn") as caught:
        Digits().chance(64)
    assert caught.value.code is Exit.ENVIRONMENT


def test_the_real_images():
    pytest.importorskip("sklearn")
    images, classes = digits.load()
    assert images.shape == (1797, 64)
    assert (images.min(), images.max()) == (0, 1)
    # The counts that the data set's own page gives.
    np.testing.assert_array_equal(np.bincount(classes), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
