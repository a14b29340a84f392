"""Numbers in words and the lesson's markup."""

import pytest

from gradlab.lesson.words import number, plain, ten_to, to_html


@pytest.mark.parametrize(
    ("value", "said"),
    [(13781.4, "13800"), (-0.00123, "−0.00123"), (999999.0, "1000000"), (1e-5, "1.00 · 10^{−5}"), (2.0, "2")],
)
def test_a_number_keeps_three_digits(value, said):
    assert number(value) == said


@pytest.mark.parametrize("log", [-400.0, -99.0, -3.0, 0.0, 5.0, 99.0, 400.0])
def test_a_norm_far_beyond_float_range_is_still_said(log):
    said = plain(ten_to(log), unicode=False)
    value = float(said.replace(" * 10^", "e").replace("10^", "1e")) if abs(log) < 300 else None
    assert said == f"10^{log:.1f}" if value is None else value == pytest.approx(10**log, rel=0.01)


def test_html_escapes_everything_but_the_markup():
    assert to_html("<b> & `x < y` *e* **s** h_{t−1}^{2}") == (
        "&lt;b&gt; &amp; <code>x &lt; y</code> <em>e</em> <strong>s</strong> h<sub>t−1</sub><sup>2</sup>"
    )


def test_ascii_has_a_word_for_every_symbol():
    said = plain("σ Σ_{t} √2 ½ − · × ≤ → w^{T−t} h_{50} é", unicode=False)
    assert said == "sigma sum_t sqrt 2 1/2 - * x <= -> w^(T-t) h_50 ?"
