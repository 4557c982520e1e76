"""The HTTP side of kie.ai's jobs: two calls, and what each failure means."""

from __future__ import annotations

import logging
from typing import Any

import httpx
from django.conf import settings

from config.kernel import outbound
from generation.engines.base import NoCapacity, Rejected, Temporary, Unknown

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
USER_AGENT = "Atelier/1.0"
CREATE, QUERY = "/api/v1/jobs/createTask", "/api/v1/jobs/recordInfo"
OK = 200
BUSY = frozenset({429, 455})
"""Clear refusals that charge nothing: rate limit, maintenance. There is no capacity for us now."""
AMBIGUOUS = frozenset({408, 500, 501, 502, 503, 504})
OUR_FAULT = frozenset({401, 402, 404, 433, 505})
"""Key, credits or feature of our own account: another engine may do it; the user has done nothing wrong."""
NULL_RECORD = 422
REFUSAL_TEXT = "The engine refused this request."


class KieClient:
    """One account at one address. Redirects are not followed, no proxy of the environment is used."""

    def __init__(self, api_base: str, api_key: str) -> None:
        self.api_base = api_base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {api_key}", "User-Agent": USER_AGENT}

    def create(self, body: dict[str, Any]) -> str:
        """The upstream's id. Raises Temporary (refused, may be sent again), Rejected, Unknown (the answer was lost)."""
        try:
            answer = self._send("POST", CREATE, json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, outbound.AddressRefused, outbound.AddressUnreachable) as error:
            raise Temporary(f"not reached: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise Unknown(f"no answer: {type(error).__name__}") from error
        return _created(*answer)

    def record(self, upstream_id: str) -> dict[str, Any] | None:
        """The upstream's record of the task, None when it knows nothing of it (also within seconds of its creation). Raises Temporary."""
        try:
            code, body = self._send("GET", QUERY, params={"taskId": upstream_id})
        except (httpx.HTTPError, outbound.AddressRefused, outbound.AddressUnreachable) as error:
            raise Temporary(f"not reached: {type(error).__name__}") from error
        data = body.get("data")
        if code == OK and isinstance(data, dict):
            return data
        if code in (OK, NULL_RECORD, 404):
            return None
        raise Temporary(f"{code}: {text_of(body)}")

    def _send(self, method: str, path: str, **content: Any) -> tuple[int, dict[str, Any]]:
        """The answer's code (of the body where it has one: refusals come as HTTP 200) and its body."""
        if httpx.URL(self.api_base).host not in {name.partition(":")[0] for name in settings.ENGINE_ALLOWED_HOSTS}:
            outbound.judge(self.api_base, resolve=True)
        with httpx.Client(headers=self._headers, timeout=TIMEOUT, trust_env=False) as client:
            answer = client.request(method, self.api_base + path, **content)
        try:
            body = answer.json()
        except ValueError:
            body = {}
        body = body if isinstance(body, dict) else {}
        code = body.get("code")
        return (code if isinstance(code, int) and answer.status_code == OK else answer.status_code), body


def text_of(body: dict[str, Any]) -> str:
    """The envelope's text: some pages call it `msg`, some `message`."""
    return str(body.get("msg") or body.get("message") or "")[:200]


def _created(code: int, body: dict[str, Any]) -> str:
    data = body.get("data")
    upstream_id = data.get("taskId") if isinstance(data, dict) else None
    if code == OK and isinstance(upstream_id, str) and 0 < len(upstream_id) <= 128:
        return upstream_id
    if code in BUSY:
        raise NoCapacity(f"{code}: {text_of(body)}")
    if code in OUR_FAULT:
        log.error("kie.ai did not take a task: %s %s", code, text_of(body))
        raise Temporary(f"{code}: {text_of(body)}")
    if code in AMBIGUOUS or code == OK:
        raise Unknown(f"{code}: {text_of(body)}")
    log.warning("kie.ai refused a task: %s %s", code, text_of(body))
    raise Rejected(REFUSAL_TEXT)
