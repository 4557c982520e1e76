"""Every domain error has its words in every contract, and no table has a row that nobody raises."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest
from django.apps import apps

from config.contracts.video import errors as video
from config.kernel.errors import DomainError, InvalidInput

PLAIN = {
    "hold_not_found", "hold_resolved", "spend_not_found", "self_transfer", "source_unknown", "paid_without_sale", "promise_closed",
}  # fmt: skip
"""The books' refusals of what no door of this contract asks for: its plain 400 would do."""


def _load(package: ModuleType) -> None:
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in module.name and "management" not in module.name:
            importlib.import_module(module.name)


@pytest.fixture(scope="module")
def codes() -> set[str]:
    for app in apps.get_app_configs():
        if (
            app.module
            and "." not in app.name
            and hasattr(app.module, "__path__")
            and app.name in ("accounts", "credits", "generation", "payments", "social", "operations")
        ):
            _load(app.module)
    _load(importlib.import_module("config.kernel"))
    _load(importlib.import_module("config.contracts"))
    return {error.code for error in DomainError.walk()}


def test_every_error_has_a_row_in_the_video_table(codes: set[str]) -> None:
    assert sorted(codes - set(video.TABLE) - PLAIN) == []


def test_no_row_of_the_video_table_is_dead(codes: set[str]) -> None:
    assert sorted(set(video.TABLE) - codes) == []


def test_a_message_without_its_parameters_still_is_a_message() -> None:
    assert "{" in DomainError.for_code("not_configured")().message


def test_invalid_input_lists_every_fault() -> None:
    error = InvalidInput.field("prompt", "field required", "value_error.missing")
    answer = video.error_response(error)
    assert answer.status_code == 422
    assert answer.content == b'{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]}'
