"""The chapters: numbers against closed forms, and texts in which no number is fixed."""

import functools
import importlib
import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gradlab import lesson, registry
from gradlab.errors import GradlabError
from gradlab.lesson import (
    answers,
    bent,
    cliff,
    far_left,
    measured,
    sent_back,
    unrolled,
    variants,
    words,
)
from gradlab.lesson.parts import Chapter
from gradlab.plots import error_surface
from gradlab.studies.sweep import compute, drawing
from gradlab.studies.sweep.settings import Sweep
from tests.lesson.told import SEEDS

CHEAP = ("unrolled", "sent_back")
SHIPPED = ("reading",)
"""Whose numbers are the same on every machine."""


@functools.cache
def numbers(name, seed=0):
    return importlib.import_module(f"gradlab.lesson.{name}").measure(seed)


def said(told):
    return " ".join([*told.paragraphs, *(f.question + f.answer for f in told.figures), *told.closing])


class TestSentBack:
    """Chapter 2: w^T by hand is w^T measured."""

    @pytest.mark.parametrize("w", sent_back.GAINS)
    def test_the_linear_unit_follows_the_closed_form(self, w):
        law = [lag * math.log10(w) for lag in range(sent_back.T + 1)]
        np.testing.assert_allclose(numbers("sent_back").linear[w], law, atol=1e-12)

    def test_an_orthogonal_matrix_of_gain_one_keeps_every_norm(self):
        flat = numbers("sent_back").matrix[sent_back.LINEAR, "orthogonal"]
        assert np.shape(flat) == (sent_back.DRAWS, sent_back.T + 1)
        np.testing.assert_allclose(flat, 0, atol=1e-12)

    def test_the_largest_eigenvalue_bounds_its_power_from_below(self):
        found = numbers("sent_back")
        for radius, logs in zip(found.radii, found.matrix[sent_back.LINEAR, "gaussian"], strict=True):
            assert logs[sent_back.T] >= sent_back.T * math.log10(radius) - 1e-9
            assert logs[sent_back.T] < sent_back.T * math.log10(radius) + 2
        assert len(set(found.radii)) == sent_back.DRAWS

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        """tanh changes the growing line most, and the Gaussian draws lie farther apart than the others."""
        told = said(sent_back.tell(numbers("sent_back", seed), seed))
        assert "So tanh changes the line of w = 1.1 most" in told
        assert "orthogonal matrix has 1;" in told
        assert "the Gaussian draws still lie farther apart." in told

    def test_both_columns_of_the_page_are_w_to_the_lag(self):
        told = sent_back.tell(numbers("sent_back"), 0)
        for lag, by_hand, sent in told.figures[0].drawing.rows:
            assert by_hand == sent == words.number(sent_back.W ** int(lag))

    def test_the_command_names_every_setting_that_is_not_the_default(self):
        assert measured.command(sent_back._grid(5, 3, ("gaussian",), (0.8,))) == (
            "gradlab sweep --cell 'elman(activation=identity),elman' --init gaussian --w-rec 0.8 -T 100 "
            "--hidden 3 --seeds 1 --seed 5 --precision float64"
        )


class TestMeasured:
    """Transports multiplied out, against other ways to the same number."""

    GRID = Sweep(("gru",), ("gaussian",), (0.8, 1.5), (6,), 2, seeds=1, seed=5, precision="float64")

    def test_the_product_is_the_jacobian_of_the_unrolled_network(self):
        networks = measured.networks(self.GRID)
        cell, (drawn, _) = registry.make("cells", "gru"), drawing.draw(self.GRID)["gru"]

        def last(h, network):
            state = drawn.state._replace(h=h)
            for x in jnp.asarray(drawn.xs[network, 0, :6]):
                state = cell.step(
                    jax.tree.map(lambda leaf: jnp.asarray(leaf[network]), drawn.params), state, x
                )
            return state.h

        for network, w_rec in enumerate(self.GRID.w_rec):
            whole = jax.jacobian(last)(jnp.asarray(drawn.state.h[network]), network)
            ours = measured.transport(networks["gru", "gaussian", w_rec])
            assert ours[6] == pytest.approx(math.log10(np.linalg.norm(whole, 2)), abs=1e-12)

    def test_equal_programs_are_compiled_once_and_others_apart(self, monkeypatch):
        monkeypatch.setattr(measured, "_PROGRAMS", {})
        table = np.arange(3.0)
        runs = [
            lambda x: {"y": 2 * x},
            lambda x: {"y": 2 * x},
            lambda x: {"y": 3 * x},
            lambda x: {"y": x + table},
        ]
        found = [measured.shared(run)(jnp.ones(3))["y"].tolist() for run in runs]
        assert found == [[2, 2, 2], [2, 2, 2], [3, 3, 3], [1, 2, 3]]
        # One that holds an array is not kept: its text does not tell which.
        assert len(measured._PROGRAMS) == 2

    def test_it_draws_what_a_sweep_draws(self):
        drawn = drawing.draw(self.GRID)["gru"][0].params
        quick = drawing.draw(self.GRID, measured.shared)["gru"][0].params
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), drawn, quick)

    def test_a_product_far_below_float_range_keeps_its_norm(self):
        network = measured.Network(np.full((2000, 1, 1), 0.5), {}, slice(0, 1))
        assert measured.transport(network)[2000] == pytest.approx(-2000 * math.log10(2), rel=1e-14)
        assert measured.rate(measured.transport(network)) == pytest.approx(-math.log10(2))

    def test_shares_of_two_numbers_that_never_meet(self):
        """h is halved and c kept: at lag k the share of h is 4^-k / (4^-k + 1)."""
        jacobians, gates = np.tile(np.diag([0.5, 1.0]), (8, 1, 1)), {"f": np.array([[0.25], [0.75]])}
        parts = {"h": slice(0, 1), "c": slice(1, 2)}
        network = measured.Network(jacobians, gates, parts["c"], parts=parts)
        found = measured.inside("LSTM", "lstm", network)
        wanted = np.mean([4.0**-k / (4.0**-k + 1) for k in range(1, 9)])
        assert found.shares() == pytest.approx({"h": wanted, "c": 1 - wanted})
        assert found.openings() == {"f": 0.5}
        still = network._replace(jacobians=np.zeros((2, 2, 2)))
        assert measured.inside("LSTM", "lstm", still).shares() == {}

    @pytest.mark.long
    def test_gradlab_sweep_measures_the_same(self):
        """The sweep iterates for the largest singular value; it is a lower bound, good to 0.1 %."""
        found = next(iter(compute.run(self.GRID)))
        for network, w_rec in enumerate(self.GRID.w_rec):
            theirs = found.columns["transport"][0][0, network, 0, 0].squeeze()
            ours = measured.transport(measured.networks(self.GRID)["gru", "gaussian", w_rec])
            np.testing.assert_allclose(theirs, ours, atol=1e-3)


class TestUnrolled:
    """Chapter 1: the parts are the whole."""

    def test_the_parts_add_up_to_automatic_differentiation(self):
        assert max(way.check for way in numbers("unrolled").ways) < 1e-13

    def test_only_the_forms_with_a_term_at_every_step_refill_the_adjoint(self):
        ways = {way.title: way for way in numbers("unrolled").ways}
        assert ways["many to one"].adjoint[-1] == pytest.approx(ways["many to many"].adjoint[-1])
        assert ways["many to one"].adjoint[0] < ways["many to many"].adjoint[0]
        assert ways["many to one"].parts[0] == 0

    def test_the_translation_holds_the_gender_from_the_boy_to_the_last_word_that_needs_it(self):
        drawing = unrolled.tell(numbers("unrolled"), 0).figures[2].drawing
        links = [link for row in drawing.rows for link in row.links]
        both = [k for k, link in enumerate(links) if "\n" in link.below + link.above]
        assert [k for k, link in enumerate(links) if link.held] == list(range(both[0], both[-1] + 1))
        assert (both[0], both[-1]) == (1, 13)
        # All is read before anything is written.
        assert [bool(link.below) for link in links] == [True] * 7 + [False] * 7
        forms = [" ".join((link.below + link.above).split("\n")[-k] for link in links) for k in (0, 1)]
        assert forms == [
            "The boy from our street looks tired Il ragazzo della nostra strada sembra stanco",
            "The girl from our street looks tired La ragazza della nostra strada sembra stanca",
        ]

    def test_each_row_of_the_folding_has_a_copy_more_and_the_last_no_loop(self):
        rows = unrolled.tell(numbers("unrolled"), 0).figures[0].drawing.rows
        assert [len(row.links) - row.loop for row in rows] == [0, 1, 2, unrolled.T]
        assert [row.loop for row in rows] == [True, True, True, False]

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        told = said(unrolled.tell(numbers("unrolled", seed), seed))
        assert "In the many-to-one network. Step 1 hears" in told
        assert "has come down by a factor of" in told


class TestFarLeft:
    """Chapter 3: the accounts add up."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("far_left", seed)
        told = said(far_left.tell(found, seed))
        assert "the left end is still far below the right one" in told
        assert " better than a guess: the uses at the last steps move it most" in told
        plain, gated = (found.learned[cell] for cell in far_left.CELLS)
        assert all(row[-1] > 100 * row[0] for row in plain.change)
        assert all(row[-1] < 100 * row[0] for row in gated.change)
        assert gated.loss[-1] < 0.01 < plain.loss[-1]

    def test_the_steps_shares_are_the_change_of_the_weights(self, monkeypatch):
        monkeypatch.setattr(far_left, "UPDATES", (1, 3))
        monkeypatch.setattr(far_left, "T", 4)
        setting = far_left.setting("elman")
        key = jax.random.key(1)
        change, together, loss = (np.asarray(part) for part in far_left._training.__wrapped__(setting)(key))
        assert change.shape == (2, 4)
        assert np.all(together <= change.sum(axis=1) + 1e-12)
        assert np.isfinite(loss).all()
        # One update of plain gradient descent, written down again.
        from gradlab.studies.remedies import loop
        from gradlab.studies.remedies.networks import initialised

        start = registry.make("initializers", "orthogonal")
        network = initialised(setting, start, far_left.W_REC, far_left.RATE, key, jnp.float64)
        moved, _ = jax.jit(lambda network: loop.update(setting, network))(network)
        leaves = zip(jax.tree.leaves(moved.weights.cell), jax.tree.leaves(network.weights.cell), strict=True)
        square = sum(float(jnp.sum((new - old) ** 2)) for new, old in leaves)
        assert together[0] == pytest.approx(math.sqrt(square), rel=1e-9)


class TestCliff:
    """Chapter 4: the wall is where the paper's closed form has it."""

    def test_the_wall(self):
        assert cliff.wall(5.0) == pytest.approx(-2.6123, abs=5e-5)
        assert (cliff.START - cliff.wall(1.0)) == pytest.approx(0.62246, abs=5e-6)

    def test_the_slope_is_steepest_there_and_only_there(self):
        line = np.stack([np.full(401, 5.0), cliff.wall(5.0) + np.linspace(-0.002, 0.002, 401)], axis=1)
        steep = np.linalg.norm(np.asarray(cliff._slopes(cliff.STEPS)(line)), axis=1)
        assert abs(line[steep.argmax(), 1] - cliff.wall(5.0)) < 2e-4
        assert 5e3 < steep.max() < 8e3
        assert np.linalg.norm(np.asarray(cliff._slopes(cliff.SHORT)(line)), axis=1).max() < 10

    def test_the_error_is_the_recurrence_written_down(self):
        h, w, b = cliff.START, 4.5, -2.0
        for _ in range(cliff.STEPS):
            h = w / (1 + math.exp(-h)) + b
        wanted = (1 / (1 + math.exp(-h)) - cliff.TARGET) ** 2
        assert float(cliff._error(jnp.asarray([w, b]), cliff.STEPS)) == pytest.approx(wanted, rel=1e-12)

    def test_a_walk_is_the_descent_of_the_plot(self):
        """Both go over the cliff, where roundings grow: held to each other up to there."""
        begin = cliff.AT, cliff.wall(cliff.AT) + cliff.BESIDE
        for limit, until in ((math.inf, 6), (cliff.LIMIT, 20)):
            walk, _ = cliff._walked(limit)
            wanted = error_surface.descend(*begin, rate=cliff.RATE, clip=limit, steps=until)
            np.testing.assert_allclose(walk.places[: until + 1], wanted, rtol=1e-6)
            errors = error_surface.surface(*wanted.T).error
            np.testing.assert_allclose(walk.errors[: until + 1], errors, rtol=1e-6)
            assert len(walk.errors) == cliff.MOVES + 1

    def test_clipping_keeps_the_walk_near_and_its_error_small(self):
        (free, thrown), (clipped, kept) = (cliff._walked(limit) for limit in (math.inf, cliff.LIMIT))
        assert kept == 0
        assert thrown > cliff.STARTS[2] / 2
        assert cliff._late(clipped) < free.errors[0] < cliff._late(free)
        steps = np.linalg.norm(np.diff(clipped.places, axis=0), axis=1)
        assert steps.max() <= cliff.RATE * cliff.LIMIT * (1 + 1e-9)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_the_remedies_do_what_the_chapter_says(self, seed):
        adjoints, shrunk = bent.bent(seed)
        assert adjoints["as it is"][-1] > 1
        assert shrunk < 1
        plain, cut = np.array(adjoints["as it is"]), np.array(adjoints["truncated"])
        np.testing.assert_allclose(cut[: cliff.SHORT + 1], plain[: cliff.SHORT + 1])
        assert np.isneginf(cut[cliff.SHORT + 1 :]).all()
        np.testing.assert_allclose(np.array(adjoints["clipped"]) - plain, math.log10(shrunk))
        assert abs(adjoints["penalty"][-1]) < abs(plain[-1]) / 4


class TestAnswers:
    """Chapter 5: the memory stays up, and orthogonal draws lie together."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("answers", seed)
        told = said(answers.tell(found, seed))
        ends = [logs[-1] for init in answers.INITS for logs in found.plain[init]]
        assert found.whole[-1] > max(0, found.echo[-1])
        assert found.whole[-1] > np.median(ends)
        assert found.echo[-1] < -1
        law = answers.T * math.log10(answers.W_REC)
        assert all(logs[-1] <= law for logs in found.plain["orthogonal"])
        np.testing.assert_allclose(found.alone, 0, atol=1e-12)
        assert "What it gives is certainty" in told
        assert "the other ways from adding to it" in told
        assert re.search(r"falls below one half at k = \d+, and", told)
        assert sum(found.recalled) < answers.N

    def test_the_two_numbers_of_the_memory_are_told_apart(self):
        """The norm of a block of a Jacobian is at most that of the whole."""
        found = numbers("answers")
        assert np.all(np.asarray(found.memory) <= np.asarray(found.whole) + 1e-12)
        closing = answers.tell(found, 0).closing[0]
        assert f"The figure has {words.ten_to(found.whole[-1])} for this network, as the transport" in closing
        assert f"it is {words.ten_to(found.memory[-1])}." in closing

    def test_the_head_of_the_table_is_true_of_its_rows(self):
        table = answers.tell(numbers("answers"), 0).figures[1].drawing
        rows = [[float(entry.replace("−", "-")) for entry in row] for row in table.rows]
        before = 0.0
        for row in rows:
            _, _, i, g, product, after, o, h = row
            assert product == pytest.approx(i * g, abs=2e-3)
            assert after == pytest.approx(before + product, abs=2e-3)
            assert h == pytest.approx(o * math.tanh(after), abs=2e-3)
            before = after
        assert table.head == ("t", "x", "i", "g", "i · g", "c after", "o", "o · tanh(c)")


class TestVariants:
    """Chapter 6: the bias is held when gates are counted, and gates are held when the bias is moved."""

    @pytest.mark.parametrize("seed", SEEDS)
    def test_its_story_holds_for_every_seed(self, seed):
        found = numbers("variants", seed)
        told = said(variants.tell(found, seed))
        assert "networks LSTM, bias 3 carries farthest" in told
        assert "one could tell which, but not how far it carries" in told
        assert "the bias changes the rate more than a gate does" in told
        assert all(cell.path[-1] < cell.whole[-1] for cell in found.cells.values())
        assert "slowest fading" not in told

    def test_gates_are_counted_without_the_candidate(self):
        """i, f, o; two of them where i = 1 - f; reset and update."""
        counted = {label: cell.gates for label, cell in numbers("variants").cells.items()}
        assert counted == {
            "lstm": 3, "peephole_lstm": 3, "coupled_lstm": 2, "gru": 2,
            "lstm(forget_bias=0.0)": 3, "lstm(forget_bias=3.0)": 3,
        }  # fmt: skip

    def test_what_is_compared_differs_in_one_thing(self):
        """The keeping gate's bias, read from the parameters of each cell."""
        with jax.enable_x64(True):
            drawn = drawing.draw(variants.grid(0))
        kept = {}
        for label in variants.CELLS:
            cell = registry.make("cells", label)
            params = drawn[label][0].params
            kept[label] = float(np.asarray(params.b)[0, list(cell.gates).index(cell.carry_gate), 0])
        assert kept["lstm"] == kept["peephole_lstm"] == kept["coupled_lstm"] == 1
        assert kept["gru"] == kept["lstm(forget_bias=0.0)"] == 0
        assert kept["lstm(forget_bias=3.0)"] == 3


@pytest.mark.parametrize("name", CHEAP)
def test_another_seed_gives_another_text(name):
    module = importlib.import_module(f"gradlab.lesson.{name}")
    assert said(module.tell(numbers(name, 0), 0)) != said(module.tell(numbers(name, 1), 0))


@pytest.mark.parametrize("name", CHEAP)
def test_what_is_told_comes_from_the_numbers(name):
    """Every number with three digits in a text changes when all measured numbers are multiplied."""
    module = importlib.import_module(f"gradlab.lesson.{name}")
    found = numbers(name)
    settings = {words.number(float(v)) for v in vars(module).values() if isinstance(v, int | float)}
    settings |= {f"{w:g}" for w in getattr(module, "GAINS", ())} | {"65.6"}
    first, second = (_long(said(module.tell(some, 0))) - settings for some in (found, _scaled(found)))
    assert first
    assert not first & second


def _long(text):
    return set(re.findall(r"\d+\.\d\d+", text))


def _scaled(tree):
    return jax.tree.map(lambda x: x * 1.0371 + 0.00123 if isinstance(x, float) and x else x, tree)


@pytest.mark.parametrize("name", CHEAP + SHIPPED)
def test_a_chapter_is_short_and_every_figure_is_whole(name):
    told = importlib.import_module(f"gradlab.lesson.{name}").tell(numbers(name), 0)
    assert isinstance(told, Chapter)
    length = len(" ".join([*told.paragraphs, *told.closing]).split())
    assert 150 <= length <= 330
    for figure in told.figures:
        assert figure.question.endswith("?")
        assert figure.command.startswith("gradlab ")


@pytest.mark.parametrize(("text", "which"), [("3", [3]), ("cliff", [4]), (None, [1, 2, 3, 4, 5, 6, 7])])
def test_chapters_by_number_and_name(text, which):
    assert lesson.chosen(text) == which


@pytest.mark.parametrize("text", ["0", "8", "-1", "", "three", "9" * 5000, "１"])
def test_unknown_chapters_are_refused_with_the_known_ones(text):
    with pytest.raises(GradlabError, match="1 unrolled, 2 sent_back, 3 far_left, 4 cliff"):
        lesson.chosen(text)


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in lesson.CHAPTERS if name not in CHEAP + SHIPPED])
def test_the_slow_chapters_too(name):
    module = importlib.import_module(f"gradlab.lesson.{name}")
    told = [module.tell(numbers(name, seed), 0) for seed in (0, 1)]
    assert said(told[0]) != said(told[1])
    assert 150 <= len(" ".join([*told[0].paragraphs, *told[0].closing]).split()) <= 330


def test_every_chapter_asks_before_it_shows():
    assert unrolled.tell(numbers("unrolled"), 7).figures[0].command == "gradlab lesson 1 --seed 7"
