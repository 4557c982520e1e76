"""Each contract's OpenAPI document is served, to read and as YAML, and names its own paths only."""

from __future__ import annotations

import pytest
from django.test import Client

from config.contracts.openapi import CONTRACTS, document


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_the_document_is_served(contract: str) -> None:
    assert Client().get(f"/docs/{contract}/").status_code == 200
    answer = Client().get(f"/schema/{contract}.yaml")
    assert answer.status_code == 200
    assert b"openapi: 3.1" in answer.content


@pytest.mark.parametrize("contract", sorted(CONTRACTS))
def test_it_names_its_own_paths_and_says_who_may_ask(contract: str) -> None:
    paths = document(contract)["paths"]
    prefix = f"/{CONTRACTS[contract].prefix}"
    assert paths
    assert all(path.startswith(prefix) for path in paths)
