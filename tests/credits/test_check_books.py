"""The proof of the books finds what somebody with the database's password changed."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import ApiKey
from credits.models import Campaign, Digest, Hold, Posting, Transaction, Wallet
from credits.services.campaign import campaign_promise
from credits.services.check import check_books
from credits.services.digest import digest_take
from credits.services.entitlement import entitlement_set
from credits.services.hold import hold, hold_capture, hold_raise, hold_release
from credits.services.limit import spend_limit_set
from credits.services.money import money_move
from credits.services.takeback import takeback
from credits.services.wallet import grant, refund, spend, transfer
from tests.credits.conftest import AT, Person, execute, order_settle, triggers_off

pytestmark = pytest.mark.django_db

TABLES = ("credits_posting", "credits_transaction", "credits_wallet", "credits_digest")


@pytest.fixture
def story(person: Person) -> tuple[int, int]:
    """Two users to whom everything happened that the books can tell."""
    who, other = person(paid=500, bonus=100), person(paid=100)
    key = ApiKey.objects.create(user_id=who, name="k", prefix="ak_", digest=b"k", webhook_secret="whsec_x", created_at=AT)
    spend_limit_set(api_key_id=key.pk, day_credits=500, total_credits=500)
    entitlement_set(user_id=who, name="studio", valid_from=AT, valid_until=AT + dt.timedelta(days=30), daily_units=5)
    spend(user_id=who, key="s1", ref="task:1", amount=120, api_key_id=key.pk, at=AT)
    spend(user_id=who, key="s2", ref="task:2", amount=10, at=AT)
    spend(user_id=who, key="free", ref="task:3", amount=10, entitlement="studio", at=AT)
    refund(user_id=who, key="r1", spend_key="s1", at=AT)
    open_hold = hold(user_id=who, key="h1", ref="task:4", amount=30, bonus_first=False, at=AT)
    hold_raise(hold_id=open_hold.hold_id, amount_total=40, at=AT)
    captured = hold(user_id=who, key="h2", ref="task:5", amount=30, api_key_id=key.pk, at=AT)
    hold_capture(hold_id=captured.hold_id, amount=20, key="c2", at=AT)
    released = hold(user_id=who, key="h3", ref="task:6", amount=30, at=AT)
    hold_release(hold_id=released.hold_id, key="x3", at=AT)
    transfer(from_user_id=who, to_user_id=other, key="t1", kind="tip", ref="work:1", amount=50, at=AT)
    campaign_promise(user_id=who, slug="coupons", key="p1", ref="coupon:1", amount=10, at=AT)
    digest_take(at=AT)
    spend(user_id=who, key="s3", ref="task:7", amount=1, at=AT)
    return who, other


def test_the_books_of_the_story_balance(story: tuple[int, int]) -> None:
    assert check_books(AT) == []
    out = StringIO()
    call_command("check_books", stdout=out)
    assert re.fullmatch(r"The books balance: \d+ transactions, \S+Z\.\n", out.getvalue())


def sql(statement: str) -> Callable[[int], object]:
    return lambda who: execute(statement.replace("{who}", str(who)))


def rewritten(who: int) -> None:
    """History written anew, hashes and all: one spend before the digest took less."""
    spent = Transaction.objects.get(user_id=who, key="s2").pk
    execute("UPDATE credits_posting SET amount = sign(amount) * 9 WHERE transaction_id = %s", (spent,))
    execute(
        "UPDATE credits_posting SET balance = balance + 1 WHERE user_id = %s AND unit = 'credits' AND transaction_id >= %s", (who, spent)
    )
    head = bytes(32)
    for posting in Posting.objects.filter(wallet_id=who).select_related("transaction").order_by("seq"):
        told = posting.transaction
        execute(
            "UPDATE credits_posting SET hash = credits_posting_hash(%s, user_id, seq, account, amount, balance, transaction_id, %s, %s, %s, %s) WHERE id = %s",
            (head, told.user_id, told.kind, told.created_at, told.reference, posting.pk),
        )
        head = bytes(Posting.objects.get(pk=posting.pk).hash or b"")
    bucket = Posting.objects.get(transaction_id=spent, wallet_id=who).account
    execute(f"UPDATE credits_wallet SET {bucket} = {bucket} + 1, spent = spent - 1, head = %s WHERE user_id = %s", (head, who))


TAMPERINGS: list[tuple[str, Callable[[int], object]]] = [
    ("sums", sql("UPDATE credits_posting SET amount = amount + 1 WHERE account = 'usage' AND id = (SELECT max(id) FROM credits_posting)")),
    ("sums", sql("UPDATE credits_posting SET amount = amount - 1 WHERE account = 'cash:sandbox'")),
    ("sums", sql("DELETE FROM credits_posting WHERE id = (SELECT max(id) FROM credits_posting)")),
    ("strays", sql("DELETE FROM credits_transaction WHERE key = 's2' AND user_id = {who}")),
    ("strays", sql("UPDATE credits_posting SET account = 'pocket' WHERE id = (SELECT max(id) FROM credits_posting)")),
    ("strays", sql("UPDATE credits_transaction SET user_id = 0 WHERE key = 's2' AND user_id = {who}")),
    ("caches", sql("UPDATE credits_wallet SET paid = paid + 1 WHERE user_id = {who}")),
    ("caches", sql("UPDATE credits_wallet SET bonus = bonus + 1 WHERE user_id = {who}")),
    ("caches", sql("UPDATE credits_wallet SET coins = coins + 1 WHERE user_id = {who}")),
    ("caches", sql("UPDATE credits_wallet SET coins_leaving = 1 WHERE user_id = {who}")),
    ("caches", sql("UPDATE credits_posting SET amount = CASE WHEN user_id IS NULL THEN amount - 1 ELSE amount + 1 END WHERE transaction_id = (SELECT id FROM credits_transaction WHERE key = 's2' AND user_id = {who})")),
    ("spent", sql("UPDATE credits_wallet SET spent = spent - 1 WHERE user_id = {who}")),
    ("spent", sql("UPDATE credits_transaction SET kind = 'adjust' WHERE key = 's2' AND user_id = {who}")),
    ("chains", sql("UPDATE credits_transaction SET kind = 'tip' WHERE key = 's2' AND user_id = {who}")),
    ("chains", sql("UPDATE credits_transaction SET reference = 'task:9' WHERE key = 's2' AND user_id = {who}")),
    ("chains", sql("UPDATE credits_transaction SET created_at = created_at + interval '1 second' WHERE key = 's2' AND user_id = {who}")),
    ("chains", sql("UPDATE credits_posting SET balance = balance + 1 WHERE user_id = {who} AND seq = 3")),
    ("chains", sql("UPDATE credits_posting SET hash = sha256('x') WHERE user_id = {who} AND seq = 3")),
    ("chains", sql("UPDATE credits_posting SET seq = 1000 WHERE user_id = {who} AND seq = 3")),
    ("chains", sql("UPDATE credits_wallet SET head = sha256('x') WHERE user_id = {who}")),
    ("chains", sql("UPDATE credits_wallet SET seq = seq + 1 WHERE user_id = {who}")),
    ("holds", sql("UPDATE credits_hold SET paid = paid + 1 WHERE state = 'open'")),
    ("holds", sql("UPDATE credits_hold SET paid = paid + 1 WHERE state = 'released'")),
    ("holds", sql("UPDATE credits_hold SET charged = charged - 1 WHERE state = 'captured'")),
    ("holds", sql("UPDATE credits_hold SET state = 'open', charged = 0, resolution_id = NULL WHERE state = 'captured'")),
    ("holds", sql("UPDATE credits_wallet SET held_paid = 0, paid = paid + held_paid WHERE user_id = {who}")),
    ("refunds", sql("UPDATE credits_transaction SET reverses_id = NULL WHERE kind = 'refund'")),
    ("refunds", sql("UPDATE credits_transaction SET reverses_id = (SELECT id FROM credits_transaction WHERE key = 's2' AND user_id = {who}) WHERE kind = 'refund'")),
    ("campaigns", sql("UPDATE credits_campaign SET remaining_credits = remaining_credits - 1 WHERE slug = 'activities'")),
    ("campaigns", sql("UPDATE credits_campaign SET budget_credits = budget_credits + 1 WHERE slug = 'activities'")),
    ("campaigns", sql("UPDATE credits_promise SET paid_credits = 1")),
    ("campaigns", sql("UPDATE credits_promise SET withdrawn_at = created_at")),
    ("limits", sql("UPDATE credits_spendlimit SET used_credits = used_credits - 1")),
    ("limits", sql("UPDATE credits_spendusage SET used_credits = used_credits - 1")),
    ("limits", sql("DELETE FROM credits_spendusage")),
    ("entitlements", sql("UPDATE credits_entitlement SET used_units = 0")),
    ("maturing", sql("UPDATE credits_maturing SET amount_hundredths = amount_hundredths - 1")),
    ("digest", sql("UPDATE credits_digest SET digest = sha256('x')")),
    ("digest", sql("UPDATE credits_digest SET last_posting_id = last_posting_id - 3")),
    ("digest", rewritten),
]  # fmt: skip


@pytest.mark.books_broken
@pytest.mark.parametrize(("check", "tamper"), TAMPERINGS)
def test_finds_tampering(story: tuple[int, int], check: str, tamper: Callable[[int], object]) -> None:
    who, _ = story
    with triggers_off(*TABLES):
        tamper(who)
    found = check_books(AT)
    assert check in {difference.check for difference in found}
    with pytest.raises(CommandError) as failure:
        call_command("check_books")
    assert str(failure.value) == str(found[0])


@pytest.mark.books_broken
def test_history_written_anew_is_found_by_the_digest_alone(story: tuple[int, int]) -> None:
    with triggers_off(*TABLES):
        rewritten(story[0])
    assert {difference.check for difference in check_books(AT)} == {"digest"}


@pytest.mark.books_broken
def test_finds_credits_that_no_cash_covers(person: Person) -> None:
    who = person()
    order_settle(who, paid=100, cents=500)
    assert check_books(AT) == []
    money_move(user_id=who, key="m", ref="refund:1", channel="sandbox", amount_cents=-51, account="refunds", at=AT)
    (found,) = check_books(AT)
    assert (found.check, found.expected, found.found) == ("solvency", "at least 450 of net cash", "449")


def test_what_the_platform_bears_counts_as_covered(person: Person) -> None:
    who = person()
    order_settle(who, paid=100, cents=500)
    money_move(user_id=who, key="m", ref="dispute:1", channel="sandbox", amount_cents=-500, account="losses", at=AT)
    assert check_books(AT) == []


@pytest.mark.parametrize("bonus", [0, 100])
def test_credits_that_are_owed_cover_what_they_became(person: Person, bonus: int) -> None:
    who, creator = person(paid=100, bonus=bonus), person()
    transfer(from_user_id=who, to_user_id=creator, key="t", kind="tip", ref="w", amount=100, at=AT)
    takeback(user_id=who, key="b", ref="refund:1", paid=100, bonus=0, may_owe=True, at=AT)
    money_move(user_id=who, key="m", ref="refund:1", channel="sandbox", amount_cents=-1000, account="refunds", at=AT)
    assert check_books(AT) == []
    grant(user_id=who, key="g", kind="gift", ref="x", bonus=100, source="campaign:activities", at=AT)
    assert check_books(AT) == []


@pytest.mark.books_broken
def test_finds_coins_that_no_cash_covers(person: Person, settings: object) -> None:
    who, creator = person(), person()
    order_settle(who, paid=100, cents=500)
    transfer(from_user_id=who, to_user_id=creator, key="t", kind="tip", ref="w", amount=100, at=AT)
    assert check_books(AT) == []
    settings.COINS_PER_CNY = 17
    (found,) = check_books(AT)
    assert (found.check, found.expected, found.found) == ("solvency", "at least 530 of net cash", "500")


def test_a_digest_is_taken_once_a_day_and_chained(story: tuple[int, int]) -> None:
    first = Digest.objects.get()
    assert digest_take(at=AT + dt.timedelta(hours=1)) == first
    second = digest_take(at=AT + dt.timedelta(days=1))
    assert second.last_posting_id == Posting.objects.latest("pk").pk
    assert bytes(second.digest) != bytes(first.digest)
    assert second.wallets == 2
    out = StringIO()
    call_command("credits_digest", stdout=out)
    assert bytes(Digest.objects.latest("day").digest).hex() in out.getvalue()


def test_the_story_left_nothing_out(story: tuple[int, int]) -> None:
    assert Hold.objects.count() == 3
    assert Campaign.objects.get(slug="coupons").remaining_credits == Campaign.objects.get(slug="coupons").budget_credits - 10
    assert Wallet.objects.get(pk=story[1]).coins_pending > 0
