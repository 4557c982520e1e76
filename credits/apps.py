from django.apps import AppConfig


class CreditsConfig(AppConfig):
    name = "credits"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        import credits.exceptions  # the database refuses in codes: their classes must be known
        import credits.rates  # noqa: F401  # registers the check of the rates
