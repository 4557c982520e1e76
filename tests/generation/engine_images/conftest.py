"""Fixtures of the neighbours: requests and files of the media tests, tasks and routes of the tests of a task's life."""

from tests.generation.life.conftest import _fresh_routes, _no_broker
from tests.generation.media.conftest import engine, make_image, request_of

__all__ = ["_fresh_routes", "_no_broker", "engine", "make_image", "request_of"]
