"""A client of the `video` contract whose every answer is held against the contract's OpenAPI document."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import jsonschema
from django.test import Client

from config.contracts.openapi import document


@cache
def routes() -> list[tuple[re.Pattern[str], str]]:
    """Every path of the document as a pattern, literal ones first."""
    paths = sorted(document("video")["paths"], key=lambda path: path.count("{"))
    return [(re.compile("^" + re.sub(r"\\{[^}]+\\}", "[^/]+", re.escape(path)) + "$"), path) for path in paths]


def hold(method: str, path: str, status: int, body: Any) -> None:
    """Fails unless the document declares this status for this endpoint and the body is of its schema."""
    template = next((name for pattern, name in routes() if pattern.match(path.partition("?")[0])), None)
    assert template is not None, f"{path} is not in the document"
    operation = document("video")["paths"][template].get(method.lower())
    if operation is None:
        assert status == 405
        return
    declared = operation["responses"].get(str(status))
    assert declared is not None, f"{method} {template} does not declare {status}: {body}"
    schema = declared["content"]["application/json"]["schema"]
    jsonschema.Draft202012Validator({**schema, "components": document("video")["components"]}).validate(body)


class VideoClient:
    """Calls the contract as one user: with their token, their key, both or neither."""

    def __init__(self, token: str | None = None, key: str | None = None) -> None:
        self.token, self.key = token, key
        self.http = Client()

    def headers(self, extra: dict[str, str]) -> dict[str, str]:
        """What an unmodified client sends."""
        headers = dict(extra)
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.key:
            headers["X-API-Key"] = self.key
        return headers

    def call(self, method: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: Any) -> Any:
        """The answer; `answer.data` is its JSON body."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        import orjson

        data = raw if raw is not None else (orjson.dumps(body) if body is not None else b"")
        answer = self.http.generic(method, path, data, content_type="application/json", headers=self.headers(named))
        answer.data = answer.json()
        assert answer["Content-Type"] == "application/json"
        assert re.fullmatch(r"[0-9a-f-]{36}", answer["X-Request-ID"])
        hold(method, path, answer.status_code, answer.data)
        return answer

    def get(self, path: str, **headers: Any) -> Any:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: Any) -> Any:
        return self.call("POST", path, body if body is not None else {}, **headers)

    def put(self, path: str, body: Any, **headers: Any) -> Any:
        return self.call("PUT", path, body, **headers)

    def delete(self, path: str, **headers: Any) -> Any:
        return self.call("DELETE", path, **headers)
