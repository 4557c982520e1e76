"""The pages of money: what they show, what they order once, and whose they are."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from config.kernel import clock
from credits.services.wallet import mature, spend, transfer
from payments.models import Order, Refund, Withdrawal
from payments.services.sandbox import sandbox_pay

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def demo(settings: Any) -> None:
    settings.DEMO = True


def ordered(reader: Any, *, channel: str = "alipay", product: str = "video/standard", token: str = "") -> Order:
    answer = reader.client.post("/buy", {"product": product, "channel": channel, "token": token or str(uuid4())})
    assert answer.status_code == 302, answer.content.decode()
    return Order.objects.get(uuid=answer["Location"].split("/")[2])


def bought(reader: Any, **how: Any) -> Order:
    order = ordered(reader, **how)
    sandbox_pay(payment_id=order.uuid, outcome="paid", at=clock.now())
    order.refresh_from_db()
    return order


def text(answer: Any) -> str:
    return str(answer.content.decode())


class TestWallet:
    def test_shows_what_is_paid_what_is_given_and_every_line(self, reader: Any) -> None:
        person = reader(paid=500, bonus=100)
        spend(user_id=person.user.pk, key="s", ref=f"task:{uuid4()}", amount=30, at=clock.now())
        page = text(person.client.get("/wallet", headers={"Accept-Language": "en"}))
        for shown in ("570", "500", "70", "−30", "+500"):
            assert shown in page

    def test_pages_by_key_and_filters(self, reader: Any) -> None:
        person = reader(paid=500, bonus=0)
        for number in range(25):
            spend(user_id=person.user.pk, key=f"s{number}", ref=f"task:{uuid4()}", amount=1, at=clock.now())
        first = person.client.get("/wallet?show=out")
        assert len(first.context["lines"]) == 20
        second = person.client.get(first.context["older"])
        assert (len(second.context["lines"]), second.context["older"]) == (5, "")
        assert [line["change"] for line in person.client.get("/wallet?show=in").context["lines"]] == ["+500"]

    @pytest.mark.parametrize("query", ["before=x", "before=-1", "before=" + "9" * 40, "show=nothing", "before=1%00"])
    def test_takes_any_query(self, reader: Any, query: str) -> None:
        assert reader().client.get(f"/wallet?{query}").status_code == 200

    def test_says_when_credits_are_owed(self, reader: Any) -> None:
        from credits.services.takeback import takeback

        person = reader(paid=100, bonus=0)
        spend(user_id=person.user.pk, key="s", ref=f"task:{uuid4()}", amount=60, at=clock.now())
        takeback(user_id=person.user.pk, key="t", ref="refund:test", paid=100, bonus=0, may_owe=True, at=clock.now())
        assert person.client.get("/wallet").context["shortfall"] == 60


class TestBuying:
    def test_shows_the_price_before_and_on_the_button(self, reader: Any) -> None:
        page = text(reader().client.get("/buy?product=video/standard", headers={"Accept-Language": "en"}))
        assert page.count("¥100.00") == 2
        assert "1,100" in page

    def test_orders_once_for_each_form(self, reader: Any) -> None:
        person, token = reader(), str(uuid4())
        assert ordered(person, token=token).pk == ordered(person, token=token).pk
        assert Order.objects.filter(user=person.user).count() == 1

    @pytest.mark.parametrize(("channel", "agent", "method"), [
        ("wechat", "Mozilla/5.0 (X11)", "native"),
        ("wechat", "Mozilla/5.0 (iPhone) Mobile", "h5"),
        ("alipay", "Mozilla/5.0 (X11)", "page"),
        ("alipay", "Mozilla/5.0 (iPhone) Mobile", "wap"),
        ("stripe", "Mozilla/5.0 (X11)", "checkout"),
    ])  # fmt: skip
    def test_the_device_decides_how_the_channel_takes_the_money(self, reader: Any, channel: str, agent: str, method: str) -> None:
        person = reader()
        person.client.defaults["HTTP_USER_AGENT"] = agent
        order = ordered(person, channel=channel)
        assert (order.channel, order.method) == (channel, method)
        assert order.payment_url

    @pytest.mark.parametrize("form", [
        {"product": "video/standard", "channel": "cheque"},
        {"product": "video/standard", "channel": "balance"},
        {"product": "video/standard"},
        {"product": "video/standard", "channel": "alipay", "token": "x"},
    ])  # fmt: skip
    def test_refuses_what_is_no_way_to_pay(self, reader: Any, form: dict[str, str]) -> None:
        person = reader()
        assert person.client.post("/buy", {"token": str(uuid4()), **form}).status_code == 422
        assert not Order.objects.filter(user=person.user).exists()

    @pytest.mark.parametrize("product", ["", "video", "video/nothing", "nothing/standard", "video/standard%00", "video/../standard"])
    def test_what_is_not_on_sale_has_no_page(self, reader: Any, product: str) -> None:
        assert reader().client.get(f"/buy?product={product}").status_code == 404

    def test_a_membership_can_be_paid_with_paid_credits_only(self, reader: Any) -> None:
        poor, rich = reader(paid=98, bonus=500), reader(paid=99, bonus=0)
        answer = poor.client.post("/buy", {"product": "studio/monthly", "channel": "balance", "token": str(uuid4())})
        assert answer.status_code == 402
        order = ordered(rich, product="studio/monthly", channel="balance")
        assert (order.status, rich.balance) == ("succeeded", 0)
        line = rich.client.get("/wallet").context["lines"][0]
        assert (line["change"], line["entry"].text, line["entry"].link) == ("−99", "月度会员", f"/orders/{order.uuid}")
        assert rich.client.get("/wallet").context["membership"] is not None

    def test_the_payment_page_only_reads(self, reader: Any) -> None:
        person = reader()
        order = ordered(person, channel="wechat")
        before = Order.objects.values().get(pk=order.pk)
        page = person.client.get(f"/pay/{order.uuid}/")
        assert page.status_code == 200
        assert Order.objects.values().get(pk=order.pk) == before
        sandbox_pay(payment_id=order.uuid, outcome="paid", at=clock.now())
        assert person.client.get(f"/pay/{order.uuid}/").context["is_paid"]

    def test_the_code_is_a_picture_of_its_own(self, reader: Any) -> None:
        person = reader()
        order = ordered(person, channel="wechat")
        answer = person.client.get(f"/pay/{order.uuid}/code.svg")
        assert answer["Content-Type"] == "image/svg+xml"
        assert 'xmlns="http://www.w3.org/2000/svg"' in text(answer)
        assert reader().client.get(f"/pay/{order.uuid}/code.svg").status_code == 404


class TestOrders:
    def test_are_their_buyers_alone(self, reader: Any) -> None:
        order = bought(reader())
        stranger = reader()
        for path in ("", "/receipt", "/receipt.pdf"):
            assert stranger.client.get(f"/orders/{order.uuid}{path}").status_code == 404
        assert stranger.client.post(f"/orders/{order.uuid}/refund", {"reason": "mine"}).status_code == 404
        assert stranger.client.get(f"/pay/{order.uuid}/").status_code == 404
        assert not Refund.objects.exists()

    def test_an_order_tells_what_the_gateway_said(self, reader: Any) -> None:
        person = reader()
        order = bought(person)
        page = person.client.get(f"/orders/{order.uuid}")
        assert len(page.context["heard"]) == 1
        assert text(person.client.get("/orders")).count(order.number) == 1

    def test_money_back_is_asked_for_once_and_waits_for_an_operator(self, reader: Any) -> None:
        person = reader()
        order = bought(person)
        assert person.client.get(f"/orders/{order.uuid}").context["refundable"] == "¥100.00"
        person.client.post(f"/orders/{order.uuid}/refund", {"reason": "too many"})
        person.client.post(f"/orders/{order.uuid}/refund", {"reason": "again"})
        refund = Refund.objects.get(order=order)
        assert (refund.status, refund.user_reason) == ("requested", "too many")
        assert person.client.get(f"/orders/{order.uuid}").context["refundable"] == ""

    def test_a_receipt_says_what_was_paid(self, reader: Any) -> None:
        person = reader()
        order = bought(person)
        page = text(person.client.get(f"/orders/{order.uuid}/receipt", headers={"Accept-Language": "en"}))
        for shown in (order.number, "¥100.00", person.user.username, order.charge_id):
            assert shown in page

    @pytest.mark.parametrize("language", ["en", "zh-hans"])
    def test_the_same_as_a_pdf_with_its_own_fonts(self, reader: Any, language: str) -> None:
        person = reader()
        order = bought(person)
        answer = person.client.get(f"/orders/{order.uuid}/receipt.pdf", headers={"Accept-Language": language})
        assert answer["Content-Type"] == "application/pdf"
        assert order.number in answer["Content-Disposition"]
        assert answer.content.startswith(b"%PDF-")
        assert b"/FontFile" in answer.content

    def test_there_is_no_receipt_for_what_was_not_paid(self, reader: Any) -> None:
        person = reader()
        order = ordered(person)
        assert person.client.get(f"/orders/{order.uuid}/receipt.pdf").status_code == 404


class TestWithdrawing:
    FORM = {"amount": "100", "method": "alipay", "account": "creator@example.com", "name": "张三"}

    @pytest.fixture
    def creator(self, reader: Any, user_factory: Any, clock: Any) -> Any:
        person = reader(bonus=0)
        payer = user_factory(paid=2_500)
        transfer(from_user_id=payer.pk, to_user_id=person.user.pk, key="t", kind="tip", ref="work:1", amount=2_500, at=clock.now())
        clock.advance(days=8)
        mature(at=clock.now())
        return person

    def test_applies_once_for_each_form(self, creator: Any) -> None:
        token = str(uuid4())
        for _ in range(2):
            assert creator.client.post("/wallet/withdraw", {**self.FORM, "token": token}).status_code == 302
        row = Withdrawal.objects.get()
        assert (row.amount_cents, row.status) == (10_000, "applied")
        page = text(creator.client.get("/wallet/withdraw"))
        assert row.account_shown in page
        assert "creator@example.com" not in page

    @pytest.mark.parametrize("amount", ["", "abc", "-100", "0", "1e99", "NaN", "Infinity", "99.99", "100.001", "9" * 50, "10,000,000"])
    def test_refuses_amounts_that_are_none(self, creator: Any, amount: str) -> None:
        answer = creator.client.post("/wallet/withdraw", {**self.FORM, "amount": amount, "token": str(uuid4())})
        assert answer.status_code == 422
        assert not Withdrawal.objects.exists()


class TestCard:
    def test_a_claim_is_once_a_day(self, reader: Any, clock: Any) -> None:
        person = reader(bonus=0)
        bought(person, product=card_product())
        before = person.balance
        person.client.post("/wallet/claim")
        person.client.post("/wallet/claim")
        assert person.balance == before + 30
        clock.advance(days=1)
        person.client.post("/wallet/claim")
        assert person.balance == before + 60


def card_product() -> str:
    from payments.models import Product

    return f"skyriff/{Product.objects.get(kind='monthly_card').slug}"


def test_prices_are_for_everybody() -> None:
    page = text(Client().get("/pricing", headers={"Accept-Language": "en"}))
    for shown in ("1,100", "¥100.00", "¥9.90", "¥99.00", "¥29.00", "900 in all"):
        assert shown in page


def test_everything_that_can_be_ordered_has_its_price() -> None:
    html = Client().get("/pricing", headers={"Accept-Language": "en"}).content.decode()
    row = r'<th scope="row" class="first">([^<]*)</th><td class="less">([^<]*)</td><td class="n">([^<]*)</td><td[^>]*>([^<]*)</td>'
    clip, second, picture = "a clip", "a second of output", "a picture"
    assert re.findall(row, html) == [
        ("Text to video", clip, "20", "30"), ("Image to video", clip, "25", "35"),
        ("Move transfer", second, "10", "14"), ("Person swap", second, "10", "14"),
        ("Text to image", picture, "10", "–"), ("Image to image", picture, "10", "–"),
        ("Upscale", picture, "5", "–"), ("Pose", picture, "12", "–"),
        ("Text to short video", clip, "30", "–"), ("Image to short video", clip, "30", "–"),
    ]  # fmt: skip
