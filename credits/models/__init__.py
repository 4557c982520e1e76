"""The room's tables."""

from credits.models.campaign import Campaign, Promise
from credits.models.hold import Hold, Maturing
from credits.models.limit import Entitlement, SpendLimit, SpendUsage
from credits.models.price import Offer, Price
from credits.models.wallet import Account, Digest, Posting, Transaction, Wallet

__all__ = [
    "Account",
    "Campaign",
    "Digest",
    "Entitlement",
    "Hold",
    "Maturing",
    "Offer",
    "Posting",
    "Price",
    "Promise",
    "SpendLimit",
    "SpendUsage",
    "Transaction",
    "Wallet",
]
