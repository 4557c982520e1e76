"""One OpenAPI 3.1 document a contract: `/schema/<contract>.yaml`, and the same to read at `/docs/<contract>/`."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.renderers import OpenApiYamlRenderer


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract's title, where it is mounted, its routes below that, and what its paths alone do not tell (paragraphs)."""

    title: str
    prefix: str
    patterns: list[Any]
    about: str = ""


CONTRACTS: dict[str, Contract] = {}
SCHEMES: dict[str, dict[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a sign-in, or one's own key."},
    "key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "An application's key, or one's own."},
}
BEARER: dict[str, list[str]] = {"bearer": []}
KEY: dict[str, list[str]] = {"key": []}
PROOFS: dict[str, list[dict[str, list[str]]]] = {"none": [], "user": [BEARER], "user+key": [BEARER | KEY], "own": [KEY, BEARER | KEY]}
"""Who may ask, as views say it → what is shown for it: any one of these."""
SHOWN = {"bearer": ("Authorization", "Bearer <token>"), "key": ("X-API-Key", "a key")}
"""Scheme → the header that carries it, and what stands in it."""
CODE = re.compile(r"`([^`]+)`")
_writing = threading.Lock()
"""The generator keeps what it finds out in its classes: two threads that begin with it at once break each other."""
RULES = {
    "default": "default", "minimum": "from", "maximum": "to", "multipleOf": "a multiple of",
    "minLength": "at least", "maxLength": "at most", "minItems": "at least", "maxItems": "at most",
}  # fmt: skip


class ContractSchema(AutoSchema):
    """How an endpoint describes itself: with what its view asks of a caller."""

    def get_auth(self) -> list[dict[str, list[str]]]:
        told = getattr(self.view, "caller", "")
        return PROOFS[told or ("user" if getattr(self.view, "signed_in", True) else "none")]


def document(name: str) -> dict[str, Any]:
    """The OpenAPI document of one contract, written once, by one thread. Raises Http404 for a name that is no contract."""
    with _writing:
        return _written(name)


@cache
def _written(name: str) -> dict[str, Any]:
    contract = CONTRACTS.get(name)
    if contract is None:
        raise Http404(name)
    generator = SchemaGenerator(patterns=[path(contract.prefix, include(contract.patterns))])  # type: ignore[no-untyped-call]
    found: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    found["info"] = {"title": contract.title, "version": "1.0.0", **({"description": contract.about} if contract.about else {})}
    operations = [operation for methods in found["paths"].values() for operation in methods.values()]
    used = [name for name in SCHEMES if any(name in _proofs(operation) for operation in operations)]
    found["components"]["securitySchemes"] = {name: SCHEMES[name] for name in used}
    return found


def _proofs(operation: dict[str, Any]) -> dict[str, bool]:
    """The schemes that an endpoint takes, and whether each is always asked for."""
    ways: list[dict[str, list[str]]] = operation.get("security", [])
    return {name: all(name in way for way in ways) for name in SCHEMES if any(name in way for way in ways)}


def schema(request: HttpRequest, contract: str) -> HttpResponse:
    """The document as YAML."""
    body = OpenApiYamlRenderer().render(document(contract), renderer_context={})  # type: ignore[no-untyped-call]
    return HttpResponse(body, content_type="application/yaml")


def docs(request: HttpRequest, contract: str) -> HttpResponse:
    """The document as a page."""
    found = document(contract)
    operations = [
        {"path": address, "method": method.upper(), "fields": _fields(operation, found), **operation}
        for address, methods in found["paths"].items()
        for method, operation in methods.items()
    ]
    about = _paragraphs(CONTRACTS[contract].about)
    shown = {"contract": contract, "contracts": list(CONTRACTS), "info": found["info"], "about": about, "operations": operations}
    return render(request, "docs.html", shown)


def _paragraphs(text: str) -> list[SafeString]:
    """The paragraphs of a contract's own words; what stands in backticks is code."""
    return [mark_safe(CODE.sub(r"<code>\1</code>", escape(part))) for part in text.split("\n\n") if part]  # noqa: S308  (escaped)


def _fields(operation: dict[str, Any], found: dict[str, Any]) -> list[dict[str, str]]:
    """The parameters and body fields of one endpoint, a row each."""
    rows = [_row(SHOWN[name][0], {"type": "header", "enum": [SHOWN[name][1]]}, asked) for name, asked in _proofs(operation).items()]
    rows += [_row(each["name"], each["schema"], each.get("required", False)) for each in operation.get("parameters", ())]
    for media in operation.get("requestBody", {}).get("content", {}).values():
        shape = _resolved(media["schema"], found)
        required = shape.get("required", ())
        return rows + [_row(name, _resolved(each, found), name in required) for name, each in shape.get("properties", {}).items()]
    return rows


def _resolved(shape: dict[str, Any], found: dict[str, Any]) -> dict[str, Any]:
    for reference in (shape, *shape.get("allOf", ()), *shape.get("oneOf", ())):
        if "$ref" in reference:
            target: dict[str, Any] = found["components"]["schemas"][reference["$ref"].rpartition("/")[2]]
            return {**target, **{key: value for key, value in shape.items() if key not in ("$ref", "allOf", "oneOf")}}
    return shape


def _row(name: str, shape: dict[str, Any], required: bool) -> dict[str, str]:
    kind = shape.get("type") or next((way["type"] for way in shape.get("oneOf", ()) if "type" in way), "object")
    rules = ["required" if required else "optional"]
    rules += [" · ".join(str(choice) for choice in shape["enum"] if choice)] if "enum" in shape else []
    rules += [f"{word} {shape[key]}" for key, word in RULES.items() if shape.get(key) not in ("", None)]
    return {"name": name, "type": " or ".join(kind) if isinstance(kind, list) else str(kind), "rules": ", ".join(rules)}
