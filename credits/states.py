"""The words of the books: units, buckets, kinds and the life of a hold."""

from __future__ import annotations

from django.db.models import TextChoices


class Unit(TextChoices):
    """What is counted. Coins are counted in hundredths, CNY in cents."""

    CREDITS = "credits"
    COINS = "coins"
    CNY = "cny"


class Bucket(TextChoices):
    """What a user has. The first four are credits, the others hundredths of coins."""

    PAID = "paid"
    BONUS = "bonus"
    HELD_PAID = "held_paid"
    HELD_BONUS = "held_bonus"
    COINS_PENDING = "coins_pending"
    COINS = "coins"
    COINS_LEAVING = "coins_leaving"


CREDIT_BUCKETS = (Bucket.PAID, Bucket.BONUS, Bucket.HELD_PAID, Bucket.HELD_BONUS)
COIN_BUCKETS = (Bucket.COINS_PENDING, Bucket.COINS, Bucket.COINS_LEAVING)


class Kind(TextChoices):
    """Why a transaction happened; each contract spells these in its own words."""

    RECHARGE = "recharge"
    GIFT = "gift"
    SPEND = "spend"
    REFUND = "refund"
    HOLD = "hold"
    RELEASE = "release"
    TIP = "tip"
    UNLOCK = "unlock"
    REMIX = "remix"
    COMMISSION = "commission"
    CLAIM = "claim"
    ADJUST = "adjust"
    WITHDRAW = "withdraw"


class HoldState(TextChoices):
    """The life of a hold: it resolves exactly once."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"


HOLD_EDGES: dict[HoldState, frozenset[HoldState]] = {
    HoldState.OPEN: frozenset(
        {
            HoldState.CAPTURED,  # credits_capture: the work was delivered, in whole or part
            HoldState.RELEASED,  # credits_release: it failed, was cancelled or timed out
        }
    ),
    HoldState.CAPTURED: frozenset(),
    HoldState.RELEASED: frozenset(),
}


class PriceUnit(TextChoices):
    """What a price is multiplied by."""

    TASK = "task"
    SECOND = "second"
    IMAGE = "image"
