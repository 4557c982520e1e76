"""What may go wrong with what operators run: coupons, activities, referrals."""

from __future__ import annotations

from config.kernel.errors import DomainError


class CouponInvalid(DomainError):
    """This coupon is not valid."""

    code = "coupon_invalid"
