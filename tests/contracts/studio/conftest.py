"""People who use the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import UserFactory
from tests.contracts.people import Somebody, signed_in

MakeSomebody = Callable[..., Somebody]


@pytest.fixture
def somebody(user_factory: UserFactory, settings: Any) -> MakeSomebody:
    """Makes people with exactly these credits, in demo mode."""
    settings.DEMO = True
    return lambda **fields: signed_in(user_factory(**{"bonus": 0, **fields}), "studio")
