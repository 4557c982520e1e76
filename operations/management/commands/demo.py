from typing import Any

from django.core.management.base import BaseCommand

from operations.services.demo import demo_create, demo_file


class Command(BaseCommand):
    help = "Make the demo's people, credits, keys and showcase in a demo database, and write demo.json. Repeats change nothing."

    def handle(self, *_args: Any, **_options: Any) -> None:
        made = demo_create()
        self.stdout.write(f"{'made' if made else 'nothing to do'}: {demo_file()}")
