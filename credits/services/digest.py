"""The daily digest: a fingerprint of every wallet's chain, chained to the day before."""

from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.kernel import clock
from config.kernel.sql import fetch_all, fetch_one
from credits.models import Digest


def digest_take(*, at: dt.datetime) -> Digest:
    """The digest of `at`'s day (Asia/Shanghai) stands; the day's first one is kept.

    Writers of the books wait for the moment in which the last posting is looked up, so that none below it is still to come.
    """
    day = clock.day_of(at)
    with transaction.atomic():
        fetch_all("LOCK TABLE credits_posting IN SHARE MODE")
        last: int = fetch_one("SELECT coalesce(max(id), 0) AS id FROM credits_posting").id
    fetch_all(
        "INSERT INTO credits_digest (day, last_posting_id, wallets, digest, taken_at)"
        " SELECT %s::date, %s::bigint, d.wallets, d.digest, %s::timestamptz"
        " FROM credits_digest_of(%s::bigint, coalesce((SELECT digest FROM credits_digest WHERE day < %s::date ORDER BY day DESC LIMIT 1),"
        " credits_genesis())) d ON CONFLICT (day) DO NOTHING",
        (day, last, at, last, day),
    )
    return Digest.objects.get(day=day)
