"""A client of any contract whose every answer is held against that contract's OpenAPI document."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import jsonschema
from django.test import Client

from config.contracts.openapi import document

UUID4 = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@cache
def routes(contract: str) -> list[tuple[re.Pattern[str], str]]:
    """Every path of the document as a pattern, literal ones first."""
    paths = sorted(document(contract)["paths"], key=lambda path: path.count("{"))
    return [(re.compile("^" + re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "$"), path) for path in paths]


def hold(contract: str, method: str, path: str, status: int, body: Any) -> None:
    """Fails unless the document declares this status for this endpoint and the body is of its schema."""
    found = document(contract)
    template = next((name for pattern, name in routes(contract) if pattern.match(path.partition("?")[0])), None)
    assert template is not None, f"{path} is not in the document"
    operation = found["paths"][template].get(method.lower())
    if operation is None:
        assert status == 405
        return
    declared = operation["responses"].get(str(status))
    assert declared is not None, f"{method} {template} does not declare {status}: {body}"
    schema = declared["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": found["components"]}).validate(body)


class ContractClient:
    """Calls one contract as one user, or as nobody."""

    def __init__(self, contract: str, token: str | None = None) -> None:
        self.contract, self.token = contract, token
        self.http = Client()

    def call(
        self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, content_type: str = "application/json", **headers: Any
    ) -> Any:
        """The answer; `answer.data` is its JSON body, held against the document."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token:
            sent.setdefault("Authorization", f"Bearer {self.token}")
        data = raw if raw is not None else (b"" if body is None else json.dumps(body).encode())
        answer: Any = self.http.generic(method, path, data, content_type=content_type, headers=sent)
        answer.data = answer.json()
        assert answer["Content-Type"] == "application/json"
        assert re.fullmatch(UUID4, answer["X-Request-ID"])
        hold(self.contract, method, path, answer.status_code, answer.data)
        return answer

    def get(self, path: str, **headers: Any) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.call("POST", path, {} if body is None else body, **headers)
