"""`manage.py check_books`: the books balance, or the first difference and exit status 1."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from config.kernel import clock
from credits.models import Transaction
from credits.services.check import differences


class Command(BaseCommand):
    """Recomputes sums, caches, chains, holds, refunds, campaigns, limits, entitlements, coins, the digest and solvency."""

    help = "Recompute the books from their postings; fail on the first difference."

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")  # the books of years take longer than a request may
        for difference in differences():
            raise CommandError(str(difference))
        self.stdout.write(f"The books balance: {Transaction.objects.count()} transactions, {clock.iso_z(clock.now())}.")
