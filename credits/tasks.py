"""The worker's doors into this room. Each may run twice and calls one service."""

from __future__ import annotations

import logging

from celery import shared_task

from config.kernel import clock
from credits.services import check, digest, wallet

logger = logging.getLogger(__name__)


@shared_task(name="credits.mature")
def coins_mature() -> None:
    """Pending coins whose time has come, all of them; every minute."""
    at = clock.now()
    while wallet.mature(at=at):
        pass


@shared_task(name="credits.digest")
def digest_take() -> None:
    """The day's digest; once a day. It is logged too, so that it also lies outside the database."""
    taken = digest.digest_take(at=clock.now())
    logger.info("digest of %s: %s, postings up to %s", taken.day, bytes(taken.digest).hex(), taken.last_posting_id)


@shared_task(name="credits.check_books")
def books_check() -> None:
    """The proof of the books; hourly. What differs is logged as errors, at most the first ten."""
    for difference in check.check_books(clock.now())[:10]:
        logger.error("the books do not balance: %s", difference)
