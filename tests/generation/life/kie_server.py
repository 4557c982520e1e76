"""A kie.ai jobs server as its pages and clients describe it (upstreams/generation.md §1), for tests.

Refusals come as HTTP 200 with another `code`; an unknown or too young task has a null record; `param` and `resultJson` are text.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.harness import CrowdServer

KEY = "kie-key"


@dataclass
class Job:
    """One task of the upstream."""

    task_id: str
    body: dict[str, Any]
    created_ms: int
    state: str = "waiting"
    progress: int = 0
    urls: list[str] = field(default_factory=list)
    fail_code: str | None = None
    fail_msg: str | None = None


class KieServer:
    """`mode` decides how creates are answered: ok, busy, no_credits, invalid, broken, silent (accepted, answer lost), html."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.files: dict[str, bytes] = {}
        self.mode = "ok"
        self.text_name = "msg"
        self.young_s = 0.0
        self.creates = 0
        self.http = CrowdServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    @property
    def last(self) -> Job:
        return list(self.jobs.values())[-1]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def succeed(self, job: Job, content: bytes) -> None:
        """The job is done; its result is served here."""
        self.files[f"/results/{job.task_id}.mp4"] = content
        job.state, job.urls = "success", [f"{self.url}/results/{job.task_id}.mp4"]

    def fail(self, job: Job, code: str = "501", text: str = "Internal Error") -> None:
        """The job failed."""
        job.state, job.fail_code, job.fail_msg = "fail", code, text

    def record(self, job: Job) -> dict[str, Any]:
        """What recordInfo and callbacks show."""
        ended = job.state in ("success", "fail")
        return {
            "taskId": job.task_id,
            "model": job.body["model"],
            "state": job.state,
            "param": json.dumps(job.body),
            "resultJson": json.dumps({"resultUrls": job.urls}) if job.state == "success" else None,
            "failCode": job.fail_code,
            "failMsg": job.fail_msg,
            "costTime": 8 if ended else None,
            "createTime": job.created_ms,
            "updateTime": job.created_ms,
            "completeTime": job.created_ms + 8_000 if ended else None,
            "progress": job.progress,
        }

    def callback(self, job: Job) -> dict[str, Any]:
        """The body that is posted to callBackUrl."""
        good = job.state == "success"
        return {"code": 200 if good else 501, "msg": "success" if good else "Playground task failed.", "data": self.record(job)}

    def post_callback(self, job: Job) -> int:
        """The callback is posted; the status it was answered with."""
        data = json.dumps(self.callback(job)).encode()
        request = urllib.request.Request(job.body["callBackUrl"], data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=15) as answer:
            return int(answer.status)

    def sign(self, key: str, task_id: str, timestamp: str) -> str:
        """The signature of accounts that made a webhook key."""
        return base64.b64encode(hmac.digest(key.encode(), f"{task_id}.{timestamp}".encode(), hashlib.sha256)).decode()

    def _create(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]] | None:
        self.creates += 1
        refusals = {
            "busy": (429, "rate limited"),
            "no_credits": (402, "insufficient"),
            "invalid": (422, "Invalid prompt"),
            "broken": (500, "oops"),
        }
        if self.mode in refusals:
            code, text = refusals[self.mode]
            return 200, {"code": code, self.text_name: text, "data": None}
        if "prompt" not in body.get("input", {}) or "model" not in body:
            return 200, {"code": 422, self.text_name: "This field is required", "data": None}
        job = Job(uuid.uuid4().hex, body, int(time.time() * 1000))
        self.jobs[job.task_id] = job
        if self.mode == "silent":
            return None
        return 200, {"code": 200, self.text_name: "success", "data": {"taskId": job.task_id}}

    def _query(self, task_id: str) -> tuple[int, dict[str, Any]]:
        job = self.jobs.get(task_id)
        if job is None or time.time() * 1000 - job.created_ms < self.young_s * 1000:
            return 200, {"code": 422, self.text_name: "recordInfo is null", "data": None}
        return 200, {"code": 200, self.text_name: "success", "data": self.record(job)}

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None: ...

            def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def _refused(self) -> bool:
                if self.headers.get("Authorization") == f"Bearer {KEY}":
                    return False
                self._answer(200, json.dumps({"code": 401, server.text_name: "You do not have access permissions"}).encode())
                return True

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path != "/api/v1/jobs/createTask":
                    return self._answer(404, b"{}")
                if self._refused():
                    return None
                if server.mode == "html":
                    return self._answer(502, b"<html>bad gateway</html>", "text/html")
                answer = server._create(body)
                if answer is None:
                    return self.connection.close()
                return self._answer(answer[0], json.dumps(answer[1]).encode())

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                if parts.path in server.files:
                    return self._answer(200, server.files[parts.path], "video/mp4")
                if parts.path != "/api/v1/jobs/recordInfo" or self._refused():
                    return self._answer(404, b"{}") if parts.path != "/api/v1/jobs/recordInfo" else None
                status, body = server._query(parse_qs(parts.query).get("taskId", [""])[0])
                return self._answer(status, json.dumps(body).encode())

        return Handler
