"""The console: the ledger is read, prices and budgets are set."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib import admin
from django.test import RequestFactory

from accounts.models import ApiKey, User
from credits.admin.rules import CampaignAdmin, CampaignForm
from credits.models import (
    Account,
    Campaign,
    Clawback,
    Digest,
    Entitlement,
    Hold,
    Maturing,
    Posting,
    Price,
    Promise,
    SpendLimit,
    Takeback,
    Transaction,
    Wallet,
)  # fmt: skip
from credits.services.campaign import campaign_promise
from credits.services.clawback import clawback
from credits.services.digest import digest_take
from credits.services.entitlement import entitlement_set
from credits.services.hold import hold
from credits.services.limit import spend_limit_set
from credits.services.takeback import takeback
from credits.services.wallet import spend, transfer
from tests.credits.conftest import AT, Person

pytestmark = pytest.mark.django_db

LEDGER = (Account, Clawback, Digest, Entitlement, Hold, Maturing, Posting, Promise, SpendLimit, Takeback, Transaction, Wallet)


@pytest.fixture
def rows(person: Person) -> None:
    """At least one row of everything."""
    who, other = person(paid=100, bonus=5), person()
    key = ApiKey.objects.create(user_id=who, name="k", prefix="ak_", digest=b"k", webhook_secret="whsec_x", created_at=AT)
    spend_limit_set(api_key_id=key.pk, day_credits=50, total_credits=None)
    spend(user_id=who, key="s", ref="task:1", amount=5, api_key_id=key.pk, at=AT)
    hold(user_id=who, key="h", ref="task:2", amount=5, at=AT)
    transfer(from_user_id=who, to_user_id=other, key="t", kind="tip", ref="work:1", amount=5, at=AT)
    entitlement_set(user_id=who, name="studio", valid_from=AT, valid_until=AT + dt.timedelta(days=1), daily_units=1)
    campaign_promise(user_id=who, slug="coupons", key="p", ref="x", amount=5, at=AT)
    takeback(user_id=who, key="b", ref="refund:1", paid=5, bonus=0, may_owe=False, at=AT)
    clawback(payer_id=who, key="d", ref="dispute:1", since_transaction_id=0, credits=5, at=AT)
    digest_take(at=AT)


@pytest.fixture
def operator(rf: RequestFactory) -> Any:
    """A request of an operator who may do everything."""
    request = rf.post("/")
    request.user = User.objects.create(username="op", is_staff=True, is_superuser=True, created_at=AT)
    return request


@pytest.mark.parametrize("model", LEDGER)
def test_the_ledger_is_read_only_even_for_a_superuser(operator: Any, model: Any) -> None:
    console: Any = admin.site.get_model_admin(model)
    assert not console.has_add_permission(operator)
    assert not console.has_change_permission(operator)
    assert not console.has_delete_permission(operator)
    assert console.has_view_permission(operator)
    assert all(not inline.has_add_permission(operator, None) for inline in console.get_inline_instances(operator))


@pytest.mark.parametrize("model", [*LEDGER, Campaign])
def test_lists_and_rows_are_shown(rows: None, operator: Any, model: Any) -> None:
    console: Any = admin.site.get_model_admin(model)
    row = model.objects.order_by("pk").last()
    operator.method, operator.GET = "GET", operator.GET.copy()
    assert console.changelist_view(operator).render().status_code == 200
    assert console.change_view(operator, str(row.pk)).render().status_code == 200


def test_a_budget_set_in_the_console_moves_what_remains(rows: None, operator: Any) -> None:
    campaign = Campaign.objects.get(slug="coupons")
    values = {"slug": "coupons", "title": "Coupons", "is_active": "on", "budget_credits": 1000}
    form = CampaignForm(values, instance=campaign)
    assert form.is_valid()
    CampaignAdmin(Campaign, admin.site).save_model(operator, form.save(commit=False), form, change=True)
    campaign.refresh_from_db()
    assert (campaign.budget_credits, campaign.remaining_credits, campaign.title) == (1000, 995, "Coupons")
    assert not CampaignForm({**values, "budget_credits": 4}, instance=campaign).is_valid()


def test_a_new_campaign_begins_whole(operator: Any) -> None:
    form = CampaignForm({"slug": "spring", "title": "Spring", "is_active": "on", "budget_credits": 50})
    assert form.is_valid()
    console = CampaignAdmin(Campaign, admin.site)
    console.save_model(operator, form.save(commit=False), form, change=False)
    assert Campaign.objects.get(slug="spring").remaining_credits == 50
    assert not console.has_delete_permission(operator)


def test_prices_are_rows_that_operators_edit(operator: Any) -> None:
    assert Price.objects.exists()
    console = admin.site.get_model_admin(Price.offer.field.related_model)
    assert console.has_change_permission(operator)
    (inline,) = console.get_inline_instances(operator)
    assert inline.model is Price
