"""Settings, all from the environment. Defaults are those of a production server; `make run` sets demo mode."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = Path(os.environ.get("DATA_DIR", BASE_DIR / "var")).resolve()


def _flag(name: str, default: bool = False) -> bool:
    return os.environ.get(name, str(default)).strip().lower() in {"1", "true", "yes", "on"}


def _names(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def _text_or_file(name: str) -> str:
    """The text of `name`, or of the file that `name`_FILE names; `\\n` in the text stands for a line's end."""
    path = os.environ.get(f"{name}_FILE", "")
    return Path(path).read_text() if path else os.environ.get(name, "").replace("\\n", "\n")


DEMO = _flag("DEMO")
DEBUG = _flag("DEBUG")
BENCH = _flag("BENCH")
SECRET_KEY = os.environ.get("SECRET_KEY", "")
if not SECRET_KEY:
    raise SystemExit("SECRET_KEY is not set: give the server a long random text (make run and make test do it themselves)")
ENCRYPTION_KEYS: dict[str, str] = dict(part.split(":", 1) for part in _names("SECRET_KEYS")) or {"k1": SECRET_KEY}
"""Key id → text; the first one encrypts secrets at rest, all of them decrypt."""
JWT_KEYS: dict[str, str] = dict(part.split(":", 1) for part in _names("JWT_KEYS")) or {"j1": SECRET_KEY}
"""`kid` → signing text of access and refresh tokens; the first one signs, all of them verify."""

PORT = int(os.environ.get("PORT", "8000"))
PUBLIC_BASE_URL = os.environ.get("PUBLIC_BASE_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"] if DEMO else (_names("ALLOWED_HOSTS") or ["127.0.0.1", "localhost", "[::1]"])
ENABLED_CONTRACTS = set(_names("ENABLED_CONTRACTS") or ["video", "stargraph", "studio", "skyriff"])
RATE_LIMITS = os.environ.get("RATE_LIMITS", "on").lower() != "off"
TRUSTED_PROXIES = _names("TRUSTED_PROXIES")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.google",
    "corsheaders",
    "rest_framework",
    "drf_spectacular",
    "accounts",
    "credits",
    "generation",
    "payments",
    "social",
    "operations",
]
MIDDLEWARE = [
    "config.middleware.RequestMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "config.middleware.PageSession",
    "config.middleware.PageLocale",
    "config.middleware.PageCsrf",
    "config.middleware.PageAuthentication",
    "accounts.web.middleware.PageSessionMiddleware",
    "config.middleware.PageMessages",
    "config.middleware.PageFrames",
    "config.middleware.PagePolicy",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = False
AUTH_USER_MODEL = "accounts.User"
SILENCED_SYSTEM_CHECKS = ["auth.E003"]
"""Names are unique by a constraint on their lower case, which the check does not see."""
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, Any] = {
    "default": {
        **dj_database_url.parse(os.environ.get("DATABASE_URL", "postgresql:///atelier")),
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": _flag("DATABASE_POOLER"),
        "TEST": {"NAME": os.environ.get("TEST_DATABASE", "test_atelier")},
    },
}
DATABASES["default"].setdefault("OPTIONS", {}).update(
    options=(
        "-c timezone=UTC -c plan_cache_mode=force_generic_plan -c jit=off"
        " -c lock_timeout=5s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"
    ),
    prepare_threshold=None if DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] else 0,
)
"""Hot statements (`config.kernel.sql`) are prepared once a connection, unless a pooler stands between; all of them are looked up by key."""
REDIS_URL = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "atelier",
    },
}
CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "")
"""Empty: the broker is `REDIS_URL` (kombu's spelling of it is worked out in `config/celery.py`)."""

STORAGE_URL = os.environ.get("STORAGE_URL", f"file://{DATA_DIR / 'media'}")
"""`file:///folder`, or `s3://key:secret@host:port/bucket?region=…&scheme=http`."""
STORAGE_QUOTA_BYTES = int(os.environ.get("STORAGE_QUOTA_BYTES", str(5 * 1024**3)))

AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = [
    "accounts.hashers.DigestedPBKDF2Hasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend" if DEMO else "django.core.mail.backends.smtp.EmailBackend"
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_HOST = os.environ.get("EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("EMAIL_PORT", "587"))
EMAIL_HOST_USER = os.environ.get("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = os.environ.get("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = _flag("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 10
ADMINS = [("Operators", address) for address in _names("OPERATORS_MAIL")]
"""Who is told of alarms by mail."""
DEFAULT_FROM_EMAIL = SERVER_EMAIL = os.environ.get("DEFAULT_FROM_EMAIL", "Atelier <no-reply@localhost>")

SESSION_ENGINE = "accounts.web.store"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_BASE_URL.startswith("https")
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [PUBLIC_BASE_URL]
CORS_ALLOW_ALL_ORIGINS = DEMO
CORS_ALLOWED_ORIGINS = _names("CORS_ALLOWED_ORIGINS")
CORS_URLS_REGEX = r"^/(api|v1|docs|schema|ws)/"
CORS_ALLOW_HEADERS = ["authorization", "content-type", "x-api-key", "x-request-id", "idempotency-key", "last-event-id", "accept"]
CORS_EXPOSE_HEADERS = [
    "x-request-id", "idempotent-replayed", "retry-after", "x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset",
]  # fmt: skip
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "https:"],
        "media-src": ["'self'", "https:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "config.contracts.openapi.ContractSchema",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "TaskState": ["PENDING", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "TIMEOUT"],
        "TaskStatus": ["pending", "processing", "completed", "failed"],
        "StargraphTaskStatus": ["PENDING", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"],
        "StargraphUserStatus": ["ACTIVE", "BANNED", "DELETING", "DELETED"],
        "PaymentMethod": "payments.models.Order.Channel",
        "PaymentStatus": ["pending", "succeeded", "failed", "refunded", "partial_refunded"],
    },
}

# Outside sign-in. Addresses are settings so that a local provider can stand in for the real one.
GOOGLE_CLIENT_ID = os.environ.get("GOOGLE_CLIENT_ID", "")
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "google": {
        "APPS": [{"client_id": GOOGLE_CLIENT_ID, "secret": os.environ.get("GOOGLE_CLIENT_SECRET", "")}],
        "OAUTH_PKCE_ENABLED": True,
        **{
            key: os.environ[name]
            for key, name in {
                "ACCESS_TOKEN_URL": "GOOGLE_TOKEN_URL",
                "IDENTITY_URL": "GOOGLE_USERINFO_URL",
                "CERTS_URL": "GOOGLE_CERTS_URL",
                "AUTHORIZE_URL": "GOOGLE_AUTHORIZE_URL",
                "ID_TOKEN_ISSUER": "GOOGLE_ISSUER",
            }.items()
            if name in os.environ
        },
    },
}
REDIRECT_URIS = _names("REDIRECT_URIS")
"""`redirect_uri` and `return_url` prefixes that are allowed outside demo mode."""
SMS_ADDRESS_HOUR_LIMIT = int(os.environ.get("SMS_ADDRESS_HOUR_LIMIT", "20"))
SMS_RANGE_DAY_LIMIT = int(os.environ.get("SMS_RANGE_DAY_LIMIT", "2000"))
"""Text messages to numbers of one range (their first digits) a day."""
PASSWORD_DIGEST_SIGN_IN = _flag("PASSWORD_DIGEST_SIGN_IN", True)
"""Whether 32 hex digits are tried as the MD5 of a password first (document 002)."""
SMS_GATEWAY = "file" if DEMO else os.environ.get("SMS_GATEWAY", "")
"""`aliyun` or `tencent`, off without one or without all its keys (docs/adr/0005); demo mode writes files."""
ALIYUN_SMS_ACCESS_KEY_ID = os.environ.get("ALIYUN_SMS_ACCESS_KEY_ID", "")
ALIYUN_SMS_ACCESS_KEY_SECRET = os.environ.get("ALIYUN_SMS_ACCESS_KEY_SECRET", "")
ALIYUN_SMS_SIGN_NAME = os.environ.get("ALIYUN_SMS_SIGN_NAME", "")
ALIYUN_SMS_TEMPLATE_CODE = os.environ.get("ALIYUN_SMS_TEMPLATE_CODE", "")
ALIYUN_SMS_TEMPLATE_PARAMS: dict[str, str] = {
    name: value or name for name, _, value in (part.partition(":") for part in _names("ALIYUN_SMS_TEMPLATE_PARAMS") or ["code"])
}
"""Variable of the template → `code` or `minutes`, written `code,time:minutes`."""
ALIYUN_SMS_ENDPOINT = os.environ.get("ALIYUN_SMS_ENDPOINT", "dysmsapi.aliyuncs.com")
ALIYUN_SMS_PROTOCOL = os.environ.get("ALIYUN_SMS_PROTOCOL", "https").lower()
TENCENT_SMS_SECRET_ID = os.environ.get("TENCENT_SMS_SECRET_ID", "")
TENCENT_SMS_SECRET_KEY = os.environ.get("TENCENT_SMS_SECRET_KEY", "")
TENCENT_SMS_APP_ID = os.environ.get("TENCENT_SMS_APP_ID", "")
TENCENT_SMS_SIGN_NAME = os.environ.get("TENCENT_SMS_SIGN_NAME", "")
TENCENT_SMS_TEMPLATE_ID = os.environ.get("TENCENT_SMS_TEMPLATE_ID", "")
TENCENT_SMS_TEMPLATE_PARAMS = _names("TENCENT_SMS_TEMPLATE_PARAMS") or ["code"]
"""What fills `{1}`, `{2}` of the template, in order: `code`, `minutes`."""
TENCENT_SMS_REGION = os.environ.get("TENCENT_SMS_REGION", "ap-guangzhou")
TENCENT_SMS_ENDPOINT = os.environ.get("TENCENT_SMS_ENDPOINT", "sms.tencentcloudapi.com")
TENCENT_SMS_PROTOCOL = os.environ.get("TENCENT_SMS_PROTOCOL", "https").lower()

STRIPE_SECRET_KEY = os.environ.get("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = os.environ.get("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = os.environ.get("STRIPE_API_BASE", "")
WECHATPAY_MCHID = os.environ.get("WECHATPAY_MCHID", "")
WECHATPAY_APPID = os.environ.get("WECHATPAY_APPID", "")
WECHATPAY_CERT_SERIAL = os.environ.get("WECHATPAY_CERT_SERIAL", "")
"""Serial number of the merchant's certificate."""
WECHATPAY_PRIVATE_KEY = _text_or_file("WECHATPAY_PRIVATE_KEY")
WECHATPAY_APIV3_KEY = os.environ.get("WECHATPAY_APIV3_KEY", "")
WECHATPAY_PUBLIC_KEY_ID = os.environ.get("WECHATPAY_PUBLIC_KEY_ID", "")
WECHATPAY_PUBLIC_KEY = _text_or_file("WECHATPAY_PUBLIC_KEY")
"""WeChat Pay's own public key (`PUB_KEY_ID_…`) or, under its hex serial, its platform certificate."""
WECHATPAY_TRANSFER_SCENE_ID = os.environ.get("WECHATPAY_TRANSFER_SCENE_ID", "1005")
WECHATPAY_BASE = os.environ.get("WECHATPAY_BASE", "https://api.mch.weixin.qq.com").rstrip("/")
ALIPAY_APP_ID = os.environ.get("ALIPAY_APP_ID", "")
ALIPAY_SELLER_ID = os.environ.get("ALIPAY_SELLER_ID", "")
"""The merchant's partner id (2088…): notices must name it."""
ALIPAY_PRIVATE_KEY = _text_or_file("ALIPAY_PRIVATE_KEY")
ALIPAY_PUBLIC_KEY = _text_or_file("ALIPAY_PUBLIC_KEY")
"""Alipay's own public key (not ours); in certificate mode the three certificates stand in for it."""
ALIPAY_APP_CERT = _text_or_file("ALIPAY_APP_CERT")
ALIPAY_PUBLIC_CERT = _text_or_file("ALIPAY_PUBLIC_CERT")
ALIPAY_ROOT_CERT = _text_or_file("ALIPAY_ROOT_CERT")
ALIPAY_GATEWAY = os.environ.get("ALIPAY_GATEWAY", "https://openapi.alipay.com/gateway.do")

RECEIPT_ISSUER = os.environ.get("RECEIPT_ISSUER", "Atelier")
"""Who sells: the name and number that stand on receipts."""
CARD_MATURITY_DAYS = int(os.environ.get("CARD_MATURITY_DAYS", "60"))
"""Coins that a payer gives mature no earlier than so many days after their last card order: cards can be charged back."""
WITHDRAWAL_LEAST_CENTS = int(os.environ.get("WITHDRAWAL_LEAST_CENTS", "10000"))
WITHDRAWAL_MOST_CENTS = int(os.environ.get("WITHDRAWAL_MOST_CENTS", "5000000"))
WITHDRAWAL_ONE_OPERATOR_CENTS = int(os.environ.get("WITHDRAWAL_ONE_OPERATOR_CENTS", "500000"))
"""Above this sum of a user in 30 days two different operators must approve."""

QUEUE_LIMIT = int(os.environ.get("QUEUE_LIMIT", "10000"))
TASK_DEADLINE_S = int(os.environ.get("TASK_DEADLINE_S", "900"))
"""How long a task may take once a worker has claimed it (real time)."""
QUEUE_PATIENCE_S = int(os.environ.get("QUEUE_PATIENCE_S", "1800"))
"""Whoever has waited so long stands beside the members, before those of them who came later (real time)."""
USER_RUNNING_LIMIT = int(os.environ.get("USER_RUNNING_LIMIT", "5"))
ENGINE_ALLOWED_HOSTS = _names("ENGINE_ALLOWED_HOSTS")

REALTIME_CONNECTIONS = int(os.environ.get("REALTIME_CONNECTIONS", "20000"))
"""Sockets and sessions of a realtime process; `…_ADDRESS_…`: those from one address, `…_USER_…`: the streams of one user."""
REALTIME_ADDRESS_CONNECTIONS = int(os.environ.get("REALTIME_ADDRESS_CONNECTIONS", "2000"))
REALTIME_USER_CONNECTIONS = int(os.environ.get("REALTIME_USER_CONNECTIONS", "500"))
REALTIME_MESSAGE_BYTES = int(os.environ.get("REALTIME_MESSAGE_BYTES", str(1024**2)))
"""Of one message over a WebSocket; the launcher gives it to uvicorn as `--ws-max-size`, which must not be below it."""
REALTIME_BODY_BYTES = int(os.environ.get("REALTIME_BODY_BYTES", str(256 * 1024)))
"""Of one request that sends for a session without WebSocket."""
REALTIME_BEAT_S = float(os.environ.get("REALTIME_BEAT_S", "25"))
"""A silent SockJS connection gets a heart-beat so often."""
REALTIME_SESSION_LIFE_S = float(os.environ.get("REALTIME_SESSION_LIFE_S", "10"))
"""How long a session without WebSocket waits for its client's next request; mobile networks need more than the protocol's 5."""
REALTIME_STALLED_S = float(os.environ.get("REALTIME_STALLED_S", "20"))
"""A client that takes nothing for so long is cut off."""
REALTIME_LEAVING_S = float(os.environ.get("REALTIME_LEAVING_S", "2"))
"""A process that was asked to end tells its clients so over at most this time: not all come back at once."""
REALTIME_CONNECT_WITHIN_S = float(os.environ.get("REALTIME_CONNECT_WITHIN_S", "10"))
"""A client that has not sent its CONNECT frame by then is sent away."""
REALTIME_SUBSCRIPTIONS = int(os.environ.get("REALTIME_SUBSCRIPTIONS", "16"))
"""Of one connection."""
REALTIME_FRAMES_PER_10_S = int(os.environ.get("REALTIME_FRAMES_PER_10_S", "300"))
"""Frames that one connection may send within ten seconds; more ends it."""
REALTIME_USER_SENDS_A_MINUTE = int(os.environ.get("REALTIME_USER_SENDS_A_MINUTE", "600"))
"""SEND frames of one user over all connections and processes; more are answered with 429."""
REALTIME_REFUSALS_A_MINUTE = int(os.environ.get("REALTIME_REFUSALS_A_MINUTE", "60"))
"""CONNECTs from one address that prove nothing; what comes beyond them is refused unread for the rest of the minute."""
REALTIME_STOMP_BEAT_MS = int(os.environ.get("REALTIME_STOMP_BEAT_MS", "10000"))
"""The shortest time between STOMP heart-beats, of either side."""
REALTIME_SILENCE_S = float(os.environ.get("REALTIME_SILENCE_S", "90"))
"""A client that promised heart-beats may be silent so long at least: browsers wake hidden pages once a minute."""
REALTIME_PROGRESS_EVERY_MS = int(os.environ.get("REALTIME_PROGRESS_EVERY_MS", "500"))
"""The shortest time between two progress messages of a task, for one subscription; beginning and end are told at once."""
SOCKJS_COOKIE = _flag("SOCKJS_COOKIE")
"""Whether a balancer keeps clients apart by the cookie `JSESSIONID`."""
SOCKJS_CLIENT_URL = os.environ.get("SOCKJS_CLIENT_URL", "")
"""sockjs-client's script, for the iframe of browsers without CORS; it runs as a page of ours. Without it there is no such page."""

SENSITIVE_WORDS = _names("SENSITIVE_WORDS")
"""Words that moderation refuses besides the shipped ones."""
MODERATION_URL = os.environ.get("MODERATION_URL", "")
"""An outside moderator that speaks the `/v1/moderations` protocol, e.g. https://api.openai.com/v1/moderations; none if empty."""
MODERATION_API_KEY = _text_or_file("MODERATION_API_KEY").strip()
MODERATION_MODEL = os.environ.get("MODERATION_MODEL", "omni-moderation-latest")
MODERATION_TIMEOUT_S = float(os.environ.get("MODERATION_TIMEOUT_S", "5"))
MODERATION_REQUIRED = _flag("MODERATION_REQUIRED")
"""Nothing is made unjudged: while the outside moderator is silent orders are refused (503) instead of let pass."""
CREATOR_SHARE_PERCENT = int(os.environ.get("CREATOR_SHARE_PERCENT", "90"))
COMMISSION_PERCENT = int(os.environ.get("COMMISSION_PERCENT", "5"))
COINS_PER_CNY = int(os.environ.get("COINS_PER_CNY", "20"))
FLOOR_PRICE_CENTS = 5
"""What a paid credit costs at least (CNY cents): an order yields at most this many paid credits for its money."""

warnings.filterwarnings("ignore", message="app_settings.*deprecated", module="allauth")
