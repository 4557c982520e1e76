"""The room's tables."""

from credits.models.campaign import Campaign, Promise
from credits.models.clawback import Clawback, Repayment, Takeback
from credits.models.hold import Hold, Maturing
from credits.models.limit import Entitlement, SpendLimit, SpendUsage
from credits.models.price import Offer, Price
from credits.models.wallet import Account, Digest, Posting, Transaction, Wallet

__all__ = [
    "Account",
    "Campaign",
    "Clawback",
    "Digest",
    "Entitlement",
    "Hold",
    "Maturing",
    "Offer",
    "Posting",
    "Price",
    "Promise",
    "Repayment",
    "SpendLimit",
    "SpendUsage",
    "Takeback",
    "Transaction",
    "Wallet",
]
