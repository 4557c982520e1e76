"""One OpenAPI 3.1 document a contract: `/schema/<contract>.yaml`, and the same to read at `/docs/<contract>/`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract's title, where it is mounted, and its routes below that."""

    title: str
    prefix: str
    patterns: list[Any]


CONTRACTS: dict[str, Contract] = {}


@cache
def document(name: str) -> dict[str, Any]:
    """The OpenAPI document of one contract. Raises Http404 for a name that is no contract."""
    contract = CONTRACTS.get(name)
    if contract is None:
        raise Http404(name)
    generator = SchemaGenerator(patterns=[path(contract.prefix, include(contract.patterns))])
    found: dict[str, Any] = generator.get_schema(request=None, public=True)
    found["info"] = {"title": contract.title, "version": "1.0.0"}
    return found


def schema(request: HttpRequest, contract: str) -> HttpResponse:
    """The document as YAML."""
    body = OpenApiYamlRenderer().render(document(contract), renderer_context={})
    return HttpResponse(body, content_type="application/yaml")


def docs(request: HttpRequest, contract: str) -> HttpResponse:
    """The document as a page."""
    found = document(contract)
    operations = [
        {"path": address, "method": method.upper(), **operation}
        for address, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    return render(request, "docs.html", {"contract": contract, "info": found["info"], "operations": operations})
