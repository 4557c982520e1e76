"""The packages of the `video` contract, as document 000 (§5.1, appendix B) prints them."""

from django.db import migrations

PACKAGES = [
    # slug, name, English name, credits, CNY cents, CNY a credit as printed
    ("trial", "体验包", "Trial", 500, 5_000, "0.100"),
    ("standard", "标准包", "Standard", 1_100, 10_000, "0.091"),
    ("value", "超值包", "Value", 6_000, 50_000, "0.083"),
    ("premium", "豪华包", "Studio", 13_000, 100_000, "0.076"),
]


def fill(apps, schema_editor):
    product, price = apps.get_model("payments", "Product"), apps.get_model("payments", "ProductPrice")
    for order, (slug, name, name_en, credits, cents, unit_price) in enumerate(PACKAGES, start=1):
        row = product.objects.create(
            kind="credit_pack", contract="video", slug=slug, name=name, name_en=name_en, paid_credits=credits,
            unit_price_shown=unit_price, display_order=order * 10,
        )
        price.objects.create(product=row, currency="CNY", amount_cents=cents, value_cents=cents)


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
