"""The pages' own table of errors: what happened, in words that say what it means for the credits and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError, InvalidInput
from operations.web.context import wallet_url

STATUS: dict[str, int] = {
    "not_signed_in": 401,
    "insufficient_credits": 402,
    "budget_exceeded": 402,
    "not_allowed": 403,
    "user_banned": 403,
    "not_found": 404,
    "task_not_found": 404,
    "conflict": 409,
    "idempotency_conflict": 409,
    "idempotency_running": 409,
    "file_too_large": 413,
    "too_many_requests": 429,
    "system": 500,
    "engine_unavailable": 503,
    "engine_busy": 503,
    "queue_full": 503,
    "moderation_unavailable": 503,
    "not_configured": 503,
    "database": 503,
    "cache": 503,
}
FALLBACK_STATUS = 422
WORDS: dict[str, str | Promise] = {
    "not_found": _("It is not here any more."),
    "task_not_found": _("It is not here any more."),
    "not_allowed": _("You may not do this."),
    "insufficient_credits": _("This needs %(required)s credits; you have %(current_balance)s. Nothing was spent."),
    "budget_exceeded": _("The budget of this key is used up. Nothing was spent."),
    "engine_unavailable": _("No engine is free for this right now. Nothing was spent; try again in a few minutes."),
    "engine_busy": _("No engine is free for this right now. Nothing was spent; try again in a few minutes."),
    "model_retired": _("This model is no longer offered. Nothing was spent."),
    "queue_full": _("The queue is full. Nothing was spent; try again in a few minutes."),
    "sensitive_content": _("This prompt does not pass the content rules. Nothing was spent; change the words and try again."),
    "moderation_unavailable": _("Prompts cannot be checked right now. Nothing was spent; try again in a few minutes."),
    "media_invalid": _("This file cannot be used. Choose another picture or video."),
    "file_too_large": _("This file is larger than %(limit_mb)s MB. Choose a smaller one, or compress it."),
    "media_too_large": _("The picture would become too large: at most 8192 pixels a side and 50 megapixels."),
    "picture_too_large": _("The picture would become too large: at most 8192 pixels a side and 50 megapixels."),
    "quota_exceeded": _("Your uploads are at their limit of %(limit_mb)s MB."),
    "address_refused": _("This address cannot be used."),
    "too_many_requests": _("Too many tries. Wait %(retry_after_s)s seconds."),
    "idempotency_conflict": _("This form was sent before with another content. Nothing more was spent."),
    "idempotency_running": _("This form is being worked on already. Nothing is spent twice."),
    "price_missing": _("There is no price for this. Nothing was spent."),
    "wallet_frozen": _("A payment of yours is disputed, or credits are owed: nothing can be spent or withdrawn until that is settled."),
    "amount_not_allowed": _("This amount cannot be withdrawn: the least and the most are written beside the field."),
    "withdrawable_too_small": _("There are fewer coins than this needs. Coins that still mature do not count."),
    "withdrawal_blocked": _("Nothing can be withdrawn now: %(reason)s."),
    "already_claimed": _("Today's credits are claimed. The next ones wait from midnight in Shanghai."),
    "no_active_card": _("There is no card running."),
    "card_sold_out": _("Cards are sold out for now. Nothing was ordered."),
    "payment_failed": _("The payment service did not take the order. Nothing was paid; try again or choose another way."),
    "payment_unavailable": _("The payment service does not answer. Nothing was paid; try again in a moment."),
    "refund_open": _("A refund of this order is being worked on already."),
    "refund_too_large": _("Nothing of this order is left to pay back."),
    "task_not_cancellable": _("This task is over; there is nothing to cancel."),
    "task_not_retryable": _("This task cannot be tried again."),
    "code_wrong": _("The code is wrong or has expired. Check it, or ask for a new one."),
    "password_wrong": _("The name and the password do not fit together."),
    "second_factor_wrong": _("The one-time password is missing or wrong."),
    "link_invalid": _("This link is not valid any more. Ask for a new one."),
    "username_taken": _("This name is taken."),
    "identity_taken": _("This address belongs to another account."),
    "user_banned": _("This account is closed. Write to the people who run this place."),
    "not_signed_in": _("Sign in first."),
    "not_configured": _("This way is not set up here."),
    "deletion_blocked": _("The account cannot be deleted yet: %(reason)s"),
    "database": _("The database does not answer. Nothing was spent; try again in a moment."),
    "cache": _("A part of the house does not answer. Nothing was spent; try again in a moment."),
}
FIELD_WORDS: dict[str, str | Promise] = {
    "phone_number": _("This is not a mobile phone number."),
    "username": _("3 to 50 characters that can be read."),
    "password": _("8 to 128 characters, and not the user name."),
    "email": _("This is not an e-mail address."),
    "video_url": _("The video must be 1 to 30 seconds long."),
}


class _Params(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "–"


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as a page tells it, and the way on."""

    text: str
    status: int
    link: str = ""
    link_text: str = ""


def problem_of(error: DomainError) -> Problem:
    """`error` in the pages' words; the domain's own where the table has none."""
    text = _field_text(error) if isinstance(error, InvalidInput) else _text(error)
    link, link_text = _way_on(error)
    return Problem(text, STATUS.get(error.code, FALLBACK_STATUS), link, link_text)


def _text(error: DomainError) -> str:
    words = WORDS.get(error.code)
    return str(words) % _Params(error.params) if words else gettext(error.message)


def _field_text(error: InvalidInput) -> str:
    fault = error.errors[0] if error.errors else None
    name = str(fault.loc[-1]) if fault else ""
    return str(FIELD_WORDS[name]) if name in FIELD_WORDS else gettext(fault.message if fault else error.message)


def _way_on(error: DomainError) -> tuple[str, str]:
    if error.code != "insufficient_credits":
        return "", ""
    link = wallet_url()
    return (link, gettext("Add credits")) if link else ("", "")
