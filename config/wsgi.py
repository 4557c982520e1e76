"""The production web processes: API, pages, console."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402  needs Django's apps

from config.kernel.collector import collect_seldom  # noqa: E402
from operations.services.installation import installation_check  # noqa: E402

if not settings.BENCH:
    installation_check()
collect_seldom()
