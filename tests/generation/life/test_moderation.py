"""What is refused before it costs anything."""

from __future__ import annotations

from typing import Any

import pytest

from generation.exceptions import SensitiveContent
from generation.models import Engine, Task
from generation.services.moderation import judge_prompt
from tests.generation.life.conftest import balance, events, make_task, make_user


@pytest.mark.parametrize("prompt", ["a fox [[sensitive]]", "[[sensitive]]  ", "Child  PORN please", "画 儿童色情 图", "csam"])
def test_refuses(prompt: str, settings: Any) -> None:
    settings.DEMO = True
    with pytest.raises(SensitiveContent):
        judge_prompt(prompt)


@pytest.mark.parametrize("prompt", ["", "a fox", "[[sensitive]] as a word in the middle", "a child on a porch", "webcsamx", "[[fail]]"])
def test_lets_pass(prompt: str, settings: Any) -> None:
    settings.DEMO = True
    judge_prompt(prompt)


def test_the_directive_means_nothing_outside_demo_mode(settings: Any) -> None:
    settings.DEMO = False
    judge_prompt("a fox [[sensitive]]")


def test_an_installation_adds_its_own_words(settings: Any) -> None:
    judge_prompt("a Heron")
    settings.SENSITIVE_WORDS = ["heron"]
    with pytest.raises(SensitiveContent):
        judge_prompt("a Heron")


@pytest.mark.django_db
def test_a_refused_prompt_moves_nothing(stub: Engine) -> None:
    user = make_user()
    with pytest.raises(SensitiveContent):
        make_task(user, "a fox [[sensitive]]")
    assert (Task.objects.count(), balance(user), events(user)) == (0, 1_000, [])
