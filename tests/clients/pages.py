"""Pages in Chromium that load the browser builds of the stock clients, from the platform's own origin or from another one."""

from __future__ import annotations

from typing import Any

from tests.clients.tools import HERE, MODULES, Report

Cases = list[tuple[str, str]]
FOLDER = "/stock/"
FOREIGN = "http://localhost:9"
"""An origin that is not the platform's; Chromium gets its files from here, nobody listens there."""
CLIENT_URL = f"{FOREIGN}{FOLDER}sockjs-client/dist/sockjs.min.js"
BEGIN = """([story, cases, place]) => {
  window.reached = {};
  place.all = (point) => {
    reached[point] = (reached[point] || 0) + 1;
    return until(`all to be ${point}`, () => reached[point] >= cases.length);
  };
  window.found = Promise.all(cases.map(async ([client, transport]) => {
    const make = () => new doors[client](place.base, transport, place.token);
    return { client, transport, ...(await stories[story](make(), { ...place, transport }, make)) };
  }));
}"""


def _serve(route: Any) -> None:
    name = route.request.url.partition(FOLDER)[2]
    path = HERE / name if (HERE / name).exists() else MODULES / name
    route.fulfill(path=path)


class Page:
    """A page of `origin` with the clients in it, and in it `cases` (client, transport), all of them at once."""

    def __init__(self, browser: Any, origin: str, story: str, cases: Cases, place: Report) -> None:
        self._context = browser.new_context(permissions=["local-network-access"])  # as a person grants it to a site
        self._context.set_default_timeout(90_000)
        self._page = self._context.new_page()
        self._count = len(cases)
        self._errors: list[str] = []
        self._page.on("pageerror", lambda error: self._errors.append(str(error)))
        self._context.route(f"**{FOLDER}**", _serve)
        self._page.goto(f"{origin}{FOLDER}page.html")
        self._page.evaluate(BEGIN, [story, cases, place])

    def wait_for(self, point: str) -> None:
        """All cases have reached `point` of their story."""
        self._page.wait_for_function("([point, count]) => reached[point] >= count", arg=[point, self._count], timeout=90_000)

    def reports(self) -> list[Report]:
        """What every case saw, once all have ended; an error that nobody catches in the page fails the test."""
        found: list[Report] = self._page.evaluate("() => window.found")
        self._context.close()
        # jsonp's client forgets its callback when it leaves, and the request that it left open is answered all the same
        assert [one for one in self._errors if "_jp." not in one] == []
        return found
