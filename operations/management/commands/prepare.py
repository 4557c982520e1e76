from typing import Any

from django.core.management.base import BaseCommand

from config.launcher.prepare import steps


class Command(BaseCommand):
    help = "Migrate, mark the database as this mode's, collect static files (and make demo data in demo mode): once for each release."

    def handle(self, *_args: Any, **_options: Any) -> None:
        for name, step in steps():
            step()
            self.stdout.write(name)
