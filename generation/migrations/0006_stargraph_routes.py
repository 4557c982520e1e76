"""The routes that lead every model name of the image and short-video kinds to the built-in engine."""

from django.db import migrations

STILLS = ("stable-diffusion-xl-base-1.0", "stable-diffusion-v1-5")
ALIASES = {
    "text2img": STILLS,
    "img2img": STILLS,
    "pose": STILLS,
    "upscale": ("RealESRGAN",),
    "text2video": ("stable-video-diffusion",),
    "img2video": ("stable-video-diffusion-img2vid", "stable-video-diffusion"),
}


def add(apps, schema_editor):
    engine = apps.get_model("generation", "Engine").objects.filter(name="builtin").first()
    if engine is None:
        return
    route = apps.get_model("generation", "Route")
    for kind, aliases in ALIASES.items():
        for alias in aliases:
            route.objects.get_or_create(kind=kind, alias=alias, engine=engine)


class Migration(migrations.Migration):
    dependencies = [("generation", "0004_claim")]
    operations = [migrations.RunPython(add, migrations.RunPython.noop)]
