"""`manage.py check_books`: the books balance, or the first difference and exit status 1."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.kernel import clock
from credits.models import Transaction
from credits.services.check import check_books


class Command(BaseCommand):
    """Recomputes sums, caches, chains, holds, refunds, campaigns, limits, coins, take-backs, clawbacks, withdrawals, digest, solvency."""

    help = "Recompute the books from their postings; fail on the first difference."

    def handle(self, *args: Any, **options: Any) -> None:
        now = clock.now()
        for difference in check_books(now):
            raise CommandError(str(difference))
        self.stdout.write(f"The books balance: {Transaction.objects.count()} transactions, {clock.iso_z(now)}.")
