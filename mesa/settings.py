"""All settings, in sections. Every variable is read through env.py and explained in docker/env.example."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from kombu import Exchange, Queue

from mesa import env, releases, state_dir
from p2p.protocol import ice_urls

# --- Where things are ---------------------------------------------------------------------------------------

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = env.path("MESA_STATE_DIR", BASE_DIR / ".mesa")
MESA_DATABASE = env.database("MESA_DATABASE_URL")
STORE_SCHEMES = frozenset({"redis", "rediss", "unix"})
MESA_REDIS_URL = env.url("MESA_REDIS_URL", "", schemes=STORE_SCHEMES)
EMBEDDED_STORE = not MESA_REDIS_URL
EMBEDDED = EMBEDDED_STORE and MESA_DATABASE is None
STORE_URL = MESA_REDIS_URL or state_dir.store_url(STATE_DIR)
STORE_SERVER = env.text("MESA_STORE_SERVER", "")
STORE_VOUCHED = env.flag("MESA_STORE_VOUCHED", default=False)

# --- Secrets and doors --------------------------------------------------------------------------------------

# Embedded: made at the first start. Production has several processes and machines, so the operator gives it.
SECRET_KEY = env.text("MESA_SECRET_KEY", "" if EMBEDDED else None) or state_dir.secret_key(STATE_DIR)
SECRET_KEY_FALLBACKS = env.words("MESA_SECRET_KEY_FALLBACKS", "")
DEBUG = False
ALLOWED_HOSTS = env.words("MESA_ALLOWED_HOSTS", "localhost 127.0.0.1 [::1]")
ALLOWED_ORIGINS = env.words("MESA_ALLOWED_ORIGINS", "http://localhost:8000 http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = ALLOWED_ORIGINS
CSRF_FAILURE_VIEW = "mesa.refusals.csrf_refused"
TRUSTED_PROXIES = env.words("MESA_TRUSTED_PROXIES", "")
HTTPS = env.flag("MESA_HTTPS", default=False)

# --- Applications -------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "mesa",
    "accounts",
    "conversations",
    "p2p",
    "axes",
    "rest_framework",
    "mesa.admin_app.OperatorsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "mesa.middleware.Deadline",
    "mesa.middleware.SecurityHeaders",
    "mesa.middleware.BodyLimit",
    "mesa.middleware.Outages",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "axes.middleware.AxesMiddleware",
]
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
ROOT_URLCONF = "mesa.urls"
ASGI_APPLICATION = "mesa.asgi.application"
STATIC_DIR = BASE_DIR / "static"
STATIC_RELEASE = releases.digest(STATIC_DIR)
STATIC_URL = f"/static/{STATIC_RELEASE}/"
STATICFILES_DIRS = [STATIC_DIR]
RELEASES_DIR = STATE_DIR / "releases"
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

# --- Database -----------------------------------------------------------------------------------------------

DATABASE_DEADLINE_S = 20
SQLITE: dict[str, Any] = {
    "ENGINE": "django.db.backends.sqlite3",
    "NAME": STATE_DIR / "mesa.sqlite3",
    # The threads of the web process (mesa.http) and of the worker stay, and so may their connections.
    "CONN_MAX_AGE": None,
    "OPTIONS": {
        # A deferred transaction that reads first and writes later fails at once when another one wrote in
        # between.
        "transaction_mode": "IMMEDIATE",
        "timeout": DATABASE_DEADLINE_S,
        # secure_delete: a deleted row must not stay readable in the file.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
    },
}
if MESA_DATABASE is not None:
    from mesa.postgresql import Connection

    MESA_DATABASE["CONN_HEALTH_CHECKS"] = True
    # A server that is gone or a row that is locked must end the wait, not hold the thread.
    MESA_DATABASE["OPTIONS"] |= {
        "connect_timeout": 5,
        "tcp_user_timeout": DATABASE_DEADLINE_S * 1_000,
        "options": f"-c statement_timeout={DATABASE_DEADLINE_S}s",
    }
    MESA_DATABASE["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": env.integer("MESA_DATABASE_POOL", 8, least=1),
        "timeout": 5,
        # The pool doubles its pauses up to this: PostgreSQL that is back is to be found at once.
        "reconnect_timeout": 3,
        "connection_class": Connection,
    }
DATABASES = {"default": MESA_DATABASE or SQLITE}

# --- In-memory store: paths and presence, channel layer, broker, counters -----------------------------------

CHANNEL_URL = env.url("MESA_CHANNEL_URL", STORE_URL, schemes=STORE_SCHEMES)
BROKER_URL = env.url("MESA_BROKER_URL", STORE_URL, schemes=STORE_SCHEMES)
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "mesa.channel_layer.ChannelLayer",
        "CONFIG": {"hosts": [CHANNEL_URL], "prefix": "channel"},
    }
}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": STORE_URL,
        "KEY_PREFIX": "mesa:cache",
        "TIMEOUT": 300,
        "OPTIONS": {"socket_timeout": 5, "socket_connect_timeout": 2},
    }
}

# --- Tasks --------------------------------------------------------------------------------------------------

# kombu has its own name for a unix socket.
CELERY_BROKER_URL = BROKER_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # What a killed worker had taken is lost: a task says only that somebody's turn has come, the jobs and the
    # deadlines stand in the store (p2p.turns, mesa.deadlines). To note each task twice cost more than it.
    "ack_emulation": False,
    "global_keyprefix": "broker:",
    "socket_timeout": 10,
    "socket_connect_timeout": 2,
}
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
# No time limits: a pool of threads can not enforce them. Each wait inside a task has its own, at the store
# (mesa.store), at the database (above) and at a push (mesa.push).
CELERY_TASK_DEFAULT_QUEUE = "path"
# Each with an exchange of its own: queues that share the default one get a copy of every task.
CELERY_TASK_QUEUES = [Queue(name, Exchange(name), routing_key=name) for name in ("path", "maintenance")]
CELERY_TASK_DEFAULT_EXCHANGE = CELERY_TASK_DEFAULT_ROUTING_KEY = CELERY_TASK_DEFAULT_QUEUE
CELERY_TASK_ROUTES = {"*.prune*": {"queue": "maintenance"}}
CELERY_TASK_CREATE_MISSING_QUEUES = False
# A publisher that finds the broker down must answer the user (503), not wait.
CELERY_TASK_PUBLISH_RETRY_POLICY = {
    "max_retries": 2,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_WORKER_CONSUMER = "mesa.broker:Consumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 4
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]

# --- Accounts -----------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    # It proves the password of a banned user, too, who is then told why there is no login.
    "django.contrib.auth.backends.AllowAllUsersModelBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_CLIENT_IP_CALLABLE = "mesa.addresses.hashed_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_CALLABLE = "mesa.refusals.locked_out"
AXES_VERBOSE = False
# Who may make an account. Spec: docs/spec/rest.md, section "Accounts"
REGISTRATION = env.choice("MESA_REGISTRATION", "open", among={"open", "invitation", "closed"})

# --- REST ---------------------------------------------------------------------------------------------------

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "mesa.problems.JSONOnly",
    "DEFAULT_THROTTLE_CLASSES": ["mesa.throttles.ScopedThrottle"],
    # Spec: docs/spec/rest.md, section "Limits"
    "DEFAULT_THROTTLE_RATES": {
        "register": "20/hour",
        "login": "30/min",
        "challenges": "30/min",
        "recovery": "20/hour",
        "password": "20/hour",
        "search": "60/min",
        "bundles": "60/min",
        "mailbox": "120/min",
        "transactions": "240/min",
        "user": "600/min",
    },
    # OPTIONS would answer with a description of the view, in shapes of its own.
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "mesa.problems.problem_response",
    "UNAUTHENTICATED_USER": None,
}

# --- Signaling ----------------------------------------------------------------------------------------------

# Empty: a public STUN server would learn who uses Mesa. The operator names an own one, or none is asked.
# Spec: docs/spec/signaling.md, section "ICE servers"
ICE_SERVERS = env.words("MESA_ICE_SERVERS", "", schemes=ice_urls.SCHEMES, form=ice_urls.FORM, most=4)
# Shared with the TURN servers: signs what peers log in there with.
TURN_SECRET = env.text("MESA_TURN_SECRET", None if any(map(ice_urls.is_turn, ICE_SERVERS)) else "")

# --- Browser protection -------------------------------------------------------------------------------------

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS and TRUSTED_PROXIES else None
# Sessions are for operators alone.
SESSION_COOKIE_AGE = 12 * 60 * 60
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
# What mesa.checks says in its own words (HTTPS, key), what the content policy does (frames), what proxy
# and owner of the domain decide (redirect, subdomains, preload list).
SILENCED_SYSTEM_CHECKS = [
    f"security.{number}" for number in ("W002", "W004", "W005", "W008", "W009", "W012", "W016", "W021")
]

# --- Log: what happened, never to whom. No access log -------------------------------------------------------

LOG_LEVEL = env.text("MESA_LOG_LEVEL", "WARNING")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"scrub": {"()": "mesa.scrub.Scrubber"}},
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["scrub"]},
    },
    "root": {"level": LOG_LEVEL, "handlers": ["console"]},
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        # Names the method and path of each refused request; throttling and counters tell enough.
        "django.request": {"level": "ERROR"},
        # Names the address of a request whose client left before the answer: it says who was searched for.
        "daphne.server": {"level": "ERROR"},
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        "axes": {"level": "CRITICAL"},
    },
}
