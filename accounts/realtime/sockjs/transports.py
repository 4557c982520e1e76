"""How each way of receiving dresses SockJS's frames, and the pages that its protocol prescribes to the letter."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import orjson

SCRIPT = "application/javascript; charset=UTF-8"
PAGE = "text/html; charset=UTF-8"
CALLBACK = re.compile(r"[a-zA-Z0-9_.-]{1,100}")
"""What may name a function of the page: it is written into a script."""


@dataclass(frozen=True, slots=True)
class Transport:
    """One way of receiving. `is_stream`: a response carries frames up to the endpoint's limit, otherwise one."""

    method: str
    content_type: str
    is_stream: bool
    prelude: str = ""
    before: str = ""
    after: str = "\n"
    is_called_back: bool = False

    def opening(self, callback: str) -> bytes:
        """What goes over the wire before the first frame."""
        return self.prelude.replace("CALLBACK", callback).encode()

    def dressed(self, frame: str, callback: str) -> bytes:
        """`frame` as it goes over the wire."""
        if not self.is_called_back:
            return f"{self.before}{frame}{self.after}".encode()
        literal = orjson.dumps(frame).decode().replace("<", "\\u003c")
        return f"{self.before.replace('CALLBACK', callback)}{literal}{self.after}".encode()


HTML_FILE = """<!doctype html>
<html><head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
</head><body><h2>Don't panic!</h2>
  <script>
    document.domain = document.domain;
    var c = parent.CALLBACK;
    c.start();
    function p(d) {c.message(d);};
    window.onload = function() {c.stop();};
  </script>"""
"""Browsers show nothing of a page before its first kilobyte."""

RECEIVING = {
    "xhr": Transport("POST", SCRIPT, False),
    "xhr_streaming": Transport("POST", SCRIPT, True, "h" * 2048 + "\n"),
    "eventsource": Transport("GET", "text/event-stream", True, "\r\n", "data: ", "\r\n\r\n"),
    "htmlfile": Transport("GET", PAGE, True, HTML_FILE.ljust(1024) + "\r\n\r\n", "<script>\np(", ");\n</script>\r\n", True),
    "jsonp": Transport("GET", SCRIPT, False, "", "/**/CALLBACK(", ");\r\n", True),
}
SENDING = ("xhr_send", "jsonp_send")

IFRAME = """<!DOCTYPE html>
<html>
<head>
  <meta http-equiv="X-UA-Compatible" content="IE=edge" />
  <meta http-equiv="Content-Type" content="text/html; charset=UTF-8" />
  <script src="CLIENT"></script>
  <script>
    document.domain = document.domain;
    SockJS.bootstrap_iframe();
  </script>
</head>
<body>
  <h2>Don't panic!</h2>
  <p>This is a SockJS hidden iframe. It's used for cross domain magic.</p>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Iframe:
    """The page through which an old browser's foreign page reaches us, with the client's script in it."""

    body: bytes
    etag: str

    @classmethod
    def around(cls, client_url: str) -> Iframe:
        """The page that loads the client from `client_url`."""
        body = IFRAME.replace("CLIENT", client_url.replace('"', "%22")).encode()
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
