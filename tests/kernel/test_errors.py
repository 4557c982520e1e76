"""Every domain error has its words in every contract, and no table has a row that nobody raises."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import pytest
from django.apps import apps

from config.contracts.shared_v1 import envelope as shared_v1
from config.contracts.skyriff import errors as skyriff
from config.contracts.stargraph import errors as stargraph
from config.contracts.studio import errors as studio
from config.contracts.video import errors as video
from config.kernel.errors import DomainError, InvalidInput

PLAIN = {
    "hold_not_found", "hold_resolved", "spend_not_found", "self_transfer", "source_unknown", "paid_without_sale", "promise_closed",
    "takeback_not_found", "withdrawal_not_leaving",
}  # fmt: skip
"""The books' refusals of what no door of a contract asks for: its plain 400 would do."""
TABLES: dict[str, dict[str, Any]] = {
    "video": video.TABLE,
    "stargraph": stargraph.TABLE,
    "studio": studio.TABLE,
    "skyriff": skyriff.TABLE,
}


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


@pytest.mark.parametrize("contract", sorted(TABLES))
def test_every_error_has_a_row_in_the_contracts_table(codes: set[str], contract: str) -> None:
    assert sorted(codes - set(TABLES[contract]) - PLAIN) == []


@pytest.mark.parametrize("contract", sorted(TABLES))
def test_no_row_of_a_table_is_dead(codes: set[str], contract: str) -> None:
    assert sorted(set(TABLES[contract]) - codes) == []


def test_what_the_shared_sign_in_may_meet_has_its_row(codes: set[str]) -> None:
    assert sorted(set(shared_v1.TABLE) - codes) == []


@pytest.mark.parametrize(("code", "row"), [
    ("not_signed_in", (1001, 401)), ("token_expired", (1002, 401)), ("user_not_found", (1003, 404)), ("user_banned", (1004, 403)),
    ("not_found", (2000, 404)), ("insufficient_credits", (2001, 402)), ("not_allowed", (2002, 403)), ("already_claimed", (2003, 400)),
    ("withdrawable_too_small", (2005, 400)), ("amount_not_allowed", (2006, 400)), ("invalid_input", (2400, 400)),
    ("coupon_invalid", (2400, 400)), ("sensitive_content", (2400, 400)), ("file_too_large", (2400, 400)), ("wrong_method", (2405, 405)),
    ("conflict", (2409, 409)), ("idempotency_conflict", (2409, 409)), ("too_many_requests", (2429, 429)), ("payment_failed", (3001, 400)),
    ("payment_not_found", (3003, 404)), ("engine_unavailable", (4002, 503)), ("queue_full", (4002, 503)), ("system", (5001, 500)),
    ("database", (5002, 503)), ("cache", (5003, 503)),
])  # fmt: skip
def test_skyriff_speaks_its_documents_codes(code: str, row: tuple[int, int]) -> None:
    assert skyriff.TABLE[code][:2] == row


@pytest.mark.parametrize(("code", "row"), [
    ("not_signed_in", (401, 401)), ("insufficient_credits", (40001, 400)), ("coupon_invalid", (40003, 400)),
    ("payment_not_found", (40004, 404)), ("payment_failed", (40005, 400)), ("engine_unavailable", (40006, 503)),
    ("sensitive_content", (40007, 400)), ("conflict", (400, 400)), ("idempotency_conflict", (409, 409)), ("wrong_method", (405, 405)),
    ("too_many_requests", (429, 429)), ("system", (500, 500)), ("database", (503, 503)),
])  # fmt: skip
def test_studio_speaks_its_documents_codes(code: str, row: tuple[int, int]) -> None:
    assert studio.TABLE[code][:2] == row


@pytest.mark.parametrize(("code", "row"), [
    ("not_signed_in", (401, 401)), ("token_expired", (401, 401)), ("user_banned", (403, 403)), ("not_allowed", (403, 403)),
    ("task_not_found", (404, 404)), ("invalid_input", (400, 400)), ("too_many_requests", (429, 429)),
    ("insufficient_credits", ("E002", 400)), ("budget_exceeded", ("E002", 400)), ("engine_unavailable", ("E001", 503)),
    ("model_retired", ("E001", 503)), ("queue_full", ("E003", 503)), ("media_invalid", ("E004", 400)), ("file_too_large", ("E005", 400)),
    ("picture_too_large", ("E005", 400)), ("engine_busy", ("E007", 503)),
    ("sensitive_content", ("E006", 400)), ("conflict", (400, 400)), ("idempotency_conflict", (409, 409)), ("wrong_method", (405, 405)),
    ("coupon_invalid", (400, 400)), ("payment_not_found", (404, 404)), ("system", (500, 500)), ("database", (503, 503)),
])  # fmt: skip
def test_stargraph_speaks_its_documents_codes(code: str, row: tuple[int | str, int]) -> None:
    assert stargraph.TABLE[code][:2] == row


def test_a_message_without_its_parameters_still_is_a_message() -> None:
    assert "{" in DomainError.for_code("not_configured")().message


def test_invalid_input_lists_every_fault() -> None:
    error = InvalidInput.field("prompt", "field required", "value_error.missing")
    answer = video.error_response(error)
    assert answer.status_code == 422
    assert answer.content == b'{"detail":[{"loc":["body","prompt"],"msg":"field required","type":"value_error.missing"}]}'
