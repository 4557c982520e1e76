"""What travels up the ladder: who reacts to which event, and who may refuse a deletion.

`NOW` runs in the transaction that appends the event (no network), `LATER` is one outbox row each, handled by a
worker. Every function takes `user_id`, `number` and `payload`. A test fails on a kind without an entry in both.
`DELETION_BLOCKERS` take a user's id and return the reason (English) why the account must stay for now, or None.
"""

NOW: dict[str, tuple[str, ...]] = {
    "user.created": ("credits.services.gift.sign_up_gift",),
    "user.restored": (),
    "user.deletion_requested": (),
    # tasks end first: what that gives back is forfeited with the rest
    "user.erased": ("generation.services.erasure.user_erased", "credits.services.gift.forfeit"),
    "apikey.created": ("credits.services.limit.key_limit_set",),
    "apikey.revoked": (),
    "task.created": (),
    "task.started": (),
    "task.completed": (),
    "task.failed": (),
    "task.cancelled": (),
    "webhook.disabled": (),
    "order.created": (),
    "order.settled": (),
    "order.failed": (),
}

LATER: dict[str, tuple[str, ...]] = {
    "user.created": (),
    "user.restored": (),
    "user.deletion_requested": (),
    "user.erased": (),
    "apikey.created": (),
    "apikey.revoked": (),
    "task.created": (),
    "task.started": (),
    "task.completed": (),
    "task.failed": (),
    "task.cancelled": (),
    "webhook.disabled": (),
    "order.created": (),
    "order.settled": (),
    "order.failed": (),
}

DELETION_BLOCKERS: tuple[str, ...] = ()
