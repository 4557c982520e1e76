"""The built-in engine, and the routes that lead every video alias to it."""

from django.db import migrations

ALIASES = {
    "text-to-video": ("sora2", "sora-2-text-to-video"),
    "image-to-video": ("sora2", "sora-2-image-to-video"),
    "animate-move": ("wan2.2-animate", "wan2.2-animate-move"),
    "animate-mix": ("wan2.2-animate", "wan2.2-animate-mix"),
}


def add(apps, schema_editor):
    fields = {"adapter": "builtin", "concurrency": 2}
    engine, _ = apps.get_model("generation", "Engine").objects.get_or_create(name="builtin", defaults=fields)
    route = apps.get_model("generation", "Route")
    for kind, aliases in ALIASES.items():
        for alias in aliases:
            route.objects.get_or_create(kind=kind, alias=alias, engine=engine)


class Migration(migrations.Migration):
    dependencies = [("generation", "0002_create")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
