"""The judge of all exercises, on small exercises of its own."""

import doctest
import itertools
import sys

import numpy as np
import pytest
import tensorflow as tf

from diffusion_course.exercises import base
from diffusion_course.exercises.base import NOT_REPEATABLE, Exercise, ExerciseFailed, not_finite


def _double(x):
    return 2 * x


DOUBLE = Exercise("99.1", _double, cases=[(3,)], wrong={}, hints={})


def exercise(reference=_double, cases=(), wrong=None, **options):
    """An exercise whose wrong answers stand beside their hints."""
    wrong = wrong or {}
    functions, hints = ({name: pair[k] for name, pair in wrong.items()} for k in (0, 1))
    return Exercise("99.2", reference, cases, functions, hints, **options)


def unanswered(x):
    raise NotImplementedError


def test_the_example_of_the_docstring():
    result = doctest.testmod(base)
    assert result.attempted > 5 and result.failed == 0


# ---------------------------------------------------------------- what the learner meets


def test_right_answer_is_handed_back(capsys):
    answer = lambda x: x + x  # noqa: E731
    assert DOUBLE(answer) is answer
    assert "right" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [unanswered, lambda x: x, lambda x: x / 0])
def test_reference_replaces_wrong_or_missing_answer(answer, capsys):
    assert DOUBLE(answer) is _double
    assert "reference" in capsys.readouterr().out


@pytest.mark.parametrize("answer", [unanswered, lambda x: x])
def test_strict_mode_raises(answer, monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    with pytest.raises(ExerciseFailed, match="99.1"):
        DOUBLE(answer)


def test_strict_mode_hands_back_a_right_answer(monkeypatch):
    monkeypatch.setenv("COURSE_STRICT", "1")
    assert DOUBLE(_double) is _double


def test_solution_source_defines_the_same_function():
    namespace = {}
    exec(DOUBLE.solution_source(), namespace)
    assert namespace["_double"](4) == 8


def test_reveal_prints_the_solution(capsys):
    DOUBLE.reveal()
    assert "return 2 * x" in capsys.readouterr().out


# ---------------------------------------------------------------- which hint


def test_error_in_an_answer_is_named_with_the_case():
    assert DOUBLE.hint_for(lambda x: x / 0) == "x=3: your answer raised ZeroDivisionError: division by zero"


def test_a_forgotten_return_is_named():
    assert "`return`" in DOUBLE.hint_for(lambda x: None)


def test_a_wrong_answer_that_is_right_on_some_cases_is_found_on_the_others():
    absolute = exercise(cases=[(1.0,), (-1.0,)], wrong={"sign": (lambda x: 2 * abs(x), "mind the sign.")})
    assert absolute.hint_for(lambda x: abs(x) + abs(x)) == "x=-1: mind the sign. Expected -2. Got 2."


def test_of_two_wrong_answers_that_agree_on_a_case_the_one_that_agrees_on_all_speaks():
    two = exercise(
        cases=[(1.0,), (2.0,)], wrong={"one": (lambda x: 1.0, "constant."), "same": (lambda x: x, "same.")}
    )
    assert "same." in two.hint_for(lambda x: +x)
    assert "constant." in two.hint_for(lambda x: x**0)


def test_of_two_that_agree_everywhere_the_first_speaks():
    two = exercise(cases=[(1.0,)], wrong={"a": (lambda x: x, "first."), "b": (lambda x: x, "second.")})
    assert "first." in two.hint_for(lambda x: x)


def test_a_mistake_is_named_though_another_one_is_made_beside_it():
    # `sqrt` is nan on the second case, the named answer is not.
    both = exercise(cases=[(4.0,), (-4.0,)], wrong={"half": (lambda x: x / 2, "twice, not half.")})
    assert "twice, not half." in both.hint_for(np.sqrt)


def test_a_kind_speaks_for_results_that_no_example_gives():
    guarded = exercise(
        lambda x: np.where(x == 0, 1.0, np.sin(x) / np.where(x == 0, 1, x)),
        cases=[(np.array([0.0, 1.0]),)],
        wrong={"guard": (lambda x: np.sin(x) / x, "0 / 0.")},
        kinds={"guard": not_finite},
    )
    assert guarded.hint_for(lambda x: x / 0) == "0 / 0."
    assert guarded.hint_for(lambda x: x + 0.5) == "x=[0., 1.]: expected [1. , 0.8415]. Got [0.5, 1.5]."


def test_nan_is_the_result_of_a_wrong_answer_but_never_right():
    log = exercise(
        np.sqrt, cases=[(np.array([1.0, 4.0]),)], wrong={"of minus x": (lambda x: np.sqrt(-x), "sign.")}
    )
    assert log.hint_for(lambda x: np.log(-x)) == "sign."
    assert log.hint_for(lambda x: x * [1, np.nan]) == "x=[1., 4.]: expected [1., 2.]. Got [ 1., nan]."


def test_a_large_array_is_told_by_its_first_wrong_value():
    def answer(x):
        x[1, 2] += 1
        return 2 * x

    hint = exercise(cases=[(np.ones((3, 4)),)]).hint_for(answer)
    assert hint == "x=an array of shape (3, 4): at index (1, 2) expected 2. Got 4."


def test_values_that_differ_late_are_told_with_the_digits_that_differ():
    exact = exercise(cases=[(1.0,)], rtol=0, atol=0)
    assert exact.hint_for(lambda x: 2 + 1e-8) == "x=1: expected 2. Got 2.00000001."


def test_integers_must_be_equal_however_large():
    assert (
        exercise(cases=[(10**6,)]).hint_for(lambda x: 2 * x + 1)
        == "x=1000000: expected 2,000,000. Got 2,000,001."
    )
    assert exercise(cases=[(10**6,)]).hint_for(lambda x: 2.0 * x) is None


def test_the_type_counts_where_it_is_asked_for():
    single = exercise(cases=[(np.ones(2, "float32"),)], dtype="float32")
    assert single.hint_for(lambda x: x + x) is None
    assert "type must be float32. Got float64" in single.hint_for(lambda x: 2.0 * x.astype("float64"))


# ---------------------------------------------------------------- arguments and results of all sorts


def test_an_answer_may_change_its_arguments():
    def answer(x):
        x *= 2
        return x

    cases = [(np.array([1.0, 2.0]),)] * 2
    assert exercise(cases=cases).hint_for(answer) is None
    assert cases[0][0].tolist() == [1.0, 2.0]


def test_a_random_generator_starts_anew_for_each_call():
    draw = exercise(lambda rng: rng.normal(size=3), cases=[(np.random.default_rng(0),)] * 2)
    assert draw.hint_for(lambda rng: np.array([rng.normal() for _ in range(3)])) is None


def test_own_randomness_is_named():
    noisy = exercise(cases=[(np.zeros(3),)], wrong={"x": (lambda x: x + 1, "not one more.")})
    assert noisy.hint_for(lambda x: x + np.random.default_rng().normal(size=3)) == NOT_REPEATABLE


def test_cases_may_be_made_by_a_function():
    assert exercise(cases=lambda: [(np.ones(2),), (np.ones(3),)]).hint_for(lambda x: x + x) is None


@pytest.mark.parametrize(
    "convert", [tf.constant, tf.Variable, list, tuple, iter, np.float32], ids=lambda f: f.__name__
)
def test_results_of_other_types_count_by_their_values(convert):
    plain = exercise(cases=[(np.array([1.0, 2.0]),)])
    assert plain.hint_for(lambda x: convert(2 * x)) is None
    assert "expected [2., 4.]" in plain.hint_for(lambda x: convert(3 * x))


def test_tensors_may_be_arguments():
    plain = exercise(cases=[(tf.constant([1.0, 2.0]),)])
    assert plain.hint_for(lambda x: x + x) is None
    assert plain.hint_for(lambda x: x) == "x=[1., 2.]: expected [2., 4.]. Got [1., 2.]."


def test_functions_may_be_arguments():
    derivative = exercise(lambda f, x: f(x + 0.5) - f(x - 0.5), cases=[(np.square, 3.0)])
    assert derivative.hint_for(lambda f, x: 2 * x) is None
    assert derivative.hint_for(lambda f, x: f(x)) == "f=square, x=3: expected 6. Got 9."


@pytest.mark.parametrize(
    "tables",
    [
        {"wrong": {"a": abs}, "hints": {}},
        {"wrong": {}, "hints": {"a": "so."}},
        {"wrong": {"a": abs, "b": abs}, "hints": {"b": "so.", "a": "or so."}},
        {"wrong": {"a": abs}, "hints": {"a": "so."}, "kinds": {"b": not_finite}},
    ],
)
def test_tables_that_do_not_fit_together_are_refused(tables):
    with pytest.raises(ValueError, match="same names.*Received"):
        Exercise("99.3", _double, [(1,)], **tables)


# ---------------------------------------------------------------- answers that would take the judge with them


class Unreadable:
    """A result that fails whatever is asked of it."""

    def __init__(self, error):
        self.error = error

    def __array__(self, *args, **kwargs):
        raise self.error

    __str__ = __repr__ = __array__


def without_end(x):
    while True:
        yield x


@pytest.mark.parametrize(
    "answer", [itertools.count, without_end, lambda x: range(10**15)], ids=["count", "generator", "range"]
)
def test_a_result_without_end_is_not_read_to_its_end(answer):
    assert DOUBLE.hint_for(answer) == (
        "x=3: your answer goes on after 100,000 items. Does it ever end? Return a list or an array."
    )


def test_a_range_is_a_result():
    assert exercise(np.arange, cases=[(5,)]).hint_for(range) is None


@pytest.mark.parametrize(
    "error", [RuntimeError("no"), NotImplementedError("no"), SystemExit(1), MemoryError()]
)
def test_a_result_that_cannot_be_read_is_not_a_number(error):
    assert DOUBLE.hint_for(lambda x: Unreadable(error)) == (
        "x=3: the result must be numbers, all parts of one shape. "
        f"Got Unreadable: (printing it raised {type(error).__name__})"
    )


def test_an_answer_that_ends_python_is_told_so(capsys):
    assert DOUBLE(lambda x: sys.exit("bye")) is _double
    assert "your answer raised SystemExit: bye" in capsys.readouterr().out


def test_an_answer_whose_error_cannot_be_printed_is_told_its_name():
    class Mute(Exception):
        __str__ = None

    def answer(x):
        raise Mute

    assert DOUBLE.hint_for(answer) == "x=3: your answer raised Mute: (printing it raised TypeError)"
