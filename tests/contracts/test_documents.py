"""Each contract's OpenAPI document is served, to read and as YAML, and names its own paths only."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS

from config import urls  # it registers them
from config.contracts import openapi
from config.contracts.openapi import CONTRACTS, RULES, document

KNOWN = ("skyriff", "stargraph", "studio", "video")


def test_every_contract_has_its_row() -> None:
    assert urls.urlpatterns
    assert sorted(CONTRACTS) == sorted(KNOWN)


@pytest.mark.parametrize("contract", KNOWN)
def test_the_document_is_served_and_leads_to_the_others(contract: str) -> None:
    page = Client().get(f"/docs/{contract}/")
    assert page.status_code == 200
    assert all(f'href="/docs/{other}/"' in page.content.decode() for other in KNOWN)
    answer = Client().get(f"/schema/{contract}.yaml")
    assert answer.status_code == 200
    assert b"openapi: 3.1" in answer.content


@pytest.mark.parametrize("contract", KNOWN)
def test_it_names_its_own_paths(contract: str) -> None:
    paths = document(contract)["paths"]
    prefix = f"/{CONTRACTS[contract].prefix}"
    assert paths
    assert all(path.startswith(prefix) for path in paths)


@pytest.mark.parametrize("contract", KNOWN)
def test_it_is_written_without_a_warning(contract: str) -> None:
    GENERATOR_STATS.reset()
    openapi._written.cache_clear()
    assert document(contract)["openapi"]
    assert not GENERATOR_STATS, (GENERATOR_STATS._warn_cache, GENERATOR_STATS._error_cache)


def test_readers_who_come_at_once_do_not_write_it_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """drf-spectacular keeps what it finds out in its classes: two threads that begin at once fail with an AttributeError."""
    alone, real, written = threading.Lock(), openapi._written, []

    def written_alone(name: str) -> Any:
        assert alone.acquire(blocking=False), "another thread is writing"
        try:
            threading.Event().wait(0.02)
            written.append(name)
            return real(name)
        finally:
            alone.release()

    monkeypatch.setattr(openapi, "_written", written_alone)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(document, KNOWN * 4))
    assert sorted(written) == sorted(KNOWN * 4)
    assert found[0] is found[4]


def test_it_says_what_a_caller_shows() -> None:
    def shown(contract: str, path: str, method: str = "post") -> list[dict[str, list[str]]] | None:
        proofs: list[dict[str, list[str]]] | None = document(contract)["paths"][path][method].get("security")
        return proofs

    token: dict[str, list[str]] = {"bearer": []}
    key: dict[str, list[str]] = {"key": []}
    assert shown("stargraph", "/api/v1/generate/text2img") == shown("stargraph", "/api/v1/auth/refresh") == [token]
    assert shown("stargraph", "/api/v1/auth/login") is shown("studio", "/api/v1/auth/register") is None
    assert shown("video", "/api/videos/text-to-video") == [{**token, **key}]
    assert shown("video", "/api/tasks/{task_id}", "get") == [key, {**token, **key}]
    assert shown("skyriff", "/v1/me/wallets", "get") == [token]
    schemes = {contract: document(contract)["components"]["securitySchemes"] for contract in KNOWN}
    assert schemes["stargraph"]["bearer"] | {"description": ""} == {"type": "http", "scheme": "bearer", "description": ""}
    assert (list(schemes["video"]), list(schemes["skyriff"])) == (["bearer", "key"], ["bearer"])
    page = Client().get("/docs/video/").content.decode()
    assert "<code>Authorization</code>" in page
    assert "<code>X-API-Key</code>" in page


def test_numbers_say_their_limits() -> None:
    shapes = document("stargraph")["components"]["schemas"]
    width = shapes["Text2ImgInputRequest"]["properties"]["width"]
    assert width == {"type": "integer", "minimum": 64, "maximum": 2048, "multipleOf": 8, "default": 1024}
    factor = shapes["UpscaleInputRequest"]["properties"]["scaleFactor"]
    assert (factor["minimum"], factor["maximum"], factor["multipleOf"]) == (2, 4, 2)
    assert "multipleOf" not in shapes["Text2ImgInputRequest"]["properties"]["steps"]
    page = Client().get("/docs/stargraph/").content.decode()
    assert "optional, default 1024, from 64, to 2048, a multiple of 8<" in page
    assert re.search(r"<code>email</code></td><td[^>]*>string</td>", page)


@pytest.mark.parametrize("contract", KNOWN)
def test_every_rule_of_a_field_says_something(contract: str) -> None:
    page = Client().get(f"/docs/{contract}/").content.decode()
    rules = re.findall(r"<td[^>]*>([^<]*)</td></tr>", page)
    assert rules
    assert not [each for each in rules for rule in each.split(", ") if rule.strip() in ("", *RULES.values())]
