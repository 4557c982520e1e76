"""What ships besides the packages of `video`: currencies with cautious floor rates, and the catalogues of documents 003 and 004."""

from django.db import migrations

CURRENCIES = [
    # code, decimals, CNY cents that its smallest unit is worth at least
    ("CNY", 2, "1"),
    ("USD", 2, "6.2"),
    ("EUR", 2, "7"),
    ("HKD", 2, "0.8"),
    ("JPY", 0, "3.9"),
]
PRODUCTS = [
    # contract, slug, kind, CNY cents, name, English name, description, English description, what it brings
    ("skyriff", "credits-6", "credit_pack", 600, "6元充值包", "6 CNY pack", "可生成12个10秒视频", "Twelve videos of 10 seconds",
     {"paid_credits": 120}),
    ("skyriff", "credits-30", "credit_pack", 3_000, "30元充值包", "30 CNY pack", "可生成60个10秒视频", "Sixty videos of 10 seconds",
     {"paid_credits": 600}),
    ("skyriff", "monthly-card", "monthly_card", 2_900, "月卡", "Monthly card", "30天内每天可领取30积分", "30 credits a day for 30 days",
     {"period_days": 30, "claim_credits": 30}),
    ("skyriff", "promoter", "promoter", 3_000, "推广员激活", "Promoter activation", "激活推广员并获得600积分",
     "Become a promoter, with 600 credits", {"paid_credits": 600}),
    *[("studio", slug, "membership", cents, name, name_en, "会员期内创作免扣积分", "Create without spending credits",
       {"period_months": months, "daily_units": 200})
      for slug, cents, name, name_en, months in (
          ("monthly", 990, "月度会员", "Monthly membership", 1),
          ("quarterly", 2_500, "季度会员", "Quarterly membership", 3),
          ("yearly", 9_900, "年度会员", "Yearly membership", 12),
      )],
]


NUMBERS = {"credits-6": 1, "credits-30": 2, "monthly-card": 10, "promoter": 11}
"""Document 004 names its packs 1 and 2 and its card 10; what it does not number is counted on."""


def fill(apps, schema_editor):
    currency, product, price = (apps.get_model("payments", name) for name in ("Currency", "Product", "ProductPrice"))
    for code, digits, floor in CURRENCIES:
        currency.objects.get_or_create(code=code, defaults={"minor_digits": digits, "floor_cents": floor})
    for number, row in enumerate(product.objects.filter(contract="video", number=None).order_by("display_order", "pk"), start=1):
        product.objects.filter(pk=row.pk).update(number=number)
    for order, (contract, slug, kind, cents, name, name_en, text, text_en, brings) in enumerate(PRODUCTS, start=1):
        number = NUMBERS.get(slug) or product.objects.filter(contract=contract).count() + 1
        words = {"number": number, "name": name, "name_en": name_en, "description": text, "description_en": text_en}
        row, is_new = product.objects.get_or_create(
            contract=contract, slug=slug, defaults={"kind": kind, "display_order": order * 10, **words, **brings}
        )
        if is_new:
            price.objects.create(product=row, currency="CNY", amount_cents=cents, value_cents=cents)


def empty(apps, schema_editor):
    """What nobody ordered goes; what was ordered stays, and is found again."""
    product = apps.get_model("payments", "Product")
    for contract, slug, *_ in PRODUCTS:
        product.objects.filter(contract=contract, slug=slug, orders=None).delete()
    apps.get_model("payments", "Currency").objects.all().delete()


class Migration(migrations.Migration):
    dependencies = [("payments", "0003_money")]
    operations = [migrations.RunPython(fill, empty)]
