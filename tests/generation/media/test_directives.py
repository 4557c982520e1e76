"""Faults on request, in demo mode only."""

from __future__ import annotations

from typing import Any

import pytest

from generation.engines.builtin.directives import Directive, directive_of, directive_of_query


@pytest.mark.parametrize(
    ("prompt", "clean", "directive"),
    [
        ("a cat [[fail]]", "a cat", Directive("fail")),
        ("a cat [[fail:2]]", "a cat", Directive("fail", 2)),
        ("a cat[[slow:20]]  \n", "a cat", Directive("slow", 20)),
        ("[[hang]]", "", Directive("hang")),
        ("猫 [[sensitive]]", "猫", Directive("sensitive")),
        ("a cat", "a cat", None),
        ("[[fail]] a cat", "[[fail]] a cat", None),
        ("a cat [[explode]]", "a cat [[explode]]", None),
        ("a cat [[fail:x]]", "a cat [[fail:x]]", None),
        ("a cat [fail]", "a cat [fail]", None),
    ],
)
def test_reads_the_directive_at_the_end(prompt: str, clean: str, directive: Directive | None, settings: Any) -> None:
    settings.DEMO = True
    assert directive_of(prompt) == (clean, directive)


def test_reads_the_directive_of_an_inputs_address(settings: Any) -> None:
    settings.DEMO = True
    assert directive_of_query("x=1&directive=fail:2") == Directive("fail", 2)
    assert directive_of_query("directive=explode") is None
    assert directive_of_query("") is None


def test_nothing_is_a_directive_outside_demo_mode(settings: Any) -> None:
    settings.DEMO = False
    assert directive_of("a cat [[fail]]") == ("a cat [[fail]]", None)
    assert directive_of_query("directive=fail") is None
