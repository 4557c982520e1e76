"""What ships: accounts, campaigns, and the documents' own prices (contracts/README, "Charging")."""

from django.db import migrations

ACCOUNTS = {
    "sales": "Credits that were sold, and the money they were sold for.",
    "usage": "Credits that were spent on what the platform makes.",
    "commission": "Credits that went to other users' works, and the coins and bonus that these were paid.",
    "payouts": "Coins that left, and the money they left for.",
    "refunds": "Credits that were taken back, and the money that was given back for them.",
    "losses": "What the platform bears itself: forfeits, corrections, charge-backs.",
    "cash:sandbox": "Play money of demo mode.",
    "cash:stripe": "Money at Stripe.",
    "cash:wechat": "Money at WeChat Pay.",
    "cash:alipay": "Money at Alipay.",
}
CAMPAIGNS = {
    "sign-up": ("Sign-up gift", 100_000_000),
    "activities": ("Activities", 10_000_000),
    "referrals": ("Referral rewards", 10_000_000),
    "daily-tasks": ("Daily tasks", 10_000_000),
    "coupons": ("Coupons' bonus credits", 10_000_000),
    "monthly-cards": ("Monthly cards' claims", 10_000_000),
}
WRITING_TOOLS = (
    "wechat_article", "xiaohongshu_note", "official_document", "academic_paper", "marketing_copy", "news_article", "video_script",
    "story_novel", "business_plan", "work_report", "resume", "lesson_plan", "content_rewrite", "translation",
)
PRICES = [
    # documents 000 and 001
    ("video/text-to-video", {"quality": "standard"}, 20, "task"),
    ("video/text-to-video", {"quality": "hd"}, 30, "task"),
    ("video/image-to-video", {"quality": "standard"}, 25, "task"),
    ("video/image-to-video", {"quality": "hd"}, 35, "task"),
    *[(f"video/{kind}", {"mode": mode}, amount, "second")
      for kind in ("animate-move", "animate-mix") for mode, amount in (("wan-std", 10), ("wan-pro", 14))],
    # document 002
    ("stargraph/text2img", {}, 10, "image"),
    ("stargraph/img2img", {}, 10, "image"),
    ("stargraph/upscale", {}, 5, "image"),
    ("stargraph/pose", {}, 12, "image"),
    ("stargraph/text2video", {}, 30, "task"),
    ("stargraph/img2video", {}, 30, "task"),
    # document 003
    *[("studio/writing", {"tool_type": tool}, 10, "task") for tool in WRITING_TOOLS],
    ("studio/image", {}, 20, "task"),
    ("studio/video", {}, 50, "task"),
    ("studio/ppt", {}, 30, "task"),
    # document 004
    *[(f"skyriff/{alias}", {"duration_sec": seconds}, amount * times, "task")
      for alias, times in (("sora2", 1), ("sora2Pro", 3)) for seconds, amount in ((10, 10), (15, 15), (25, 25))],
    ("skyriff/clean-download", {}, 6, "task"),
]


def fill(apps, schema_editor):
    account, campaign, offer, price = (apps.get_model("credits", name) for name in ("Account", "Campaign", "Offer", "Price"))
    account.objects.bulk_create(account(code=code, purpose=purpose) for code, purpose in ACCOUNTS.items())
    campaign.objects.bulk_create(
        campaign(slug=slug, title=title, budget_credits=budget, remaining_credits=budget) for slug, (title, budget) in CAMPAIGNS.items()
    )
    offer.objects.bulk_create(offer(code=code) for code in dict.fromkeys(row[0] for row in PRICES))
    price.objects.bulk_create(price(offer_id=code, match=match, amount_credits=amount, unit=unit) for code, match, amount, unit in PRICES)


class Migration(migrations.Migration):
    dependencies = [("credits", "0002_functions")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
