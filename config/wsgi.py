"""The production web processes: API, pages, console."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from django.conf import settings  # noqa: E402  needs Django's apps

from operations.services.installation import installation_check  # noqa: E402

if not settings.BENCH:
    installation_check()
gc.freeze()  # what was loaded stays for ever: no collection need look at it again
gc.set_threshold(20_000, 20, 50)
