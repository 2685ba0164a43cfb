"""Django settings: a database file, a port and a token from the environment."""

import os

SECRET_KEY = "nothing here is signed"
ALLOWED_HOSTS = ["127.0.0.1"]
USE_TZ = True
ROOT_URLCONF = "host.urls"
AUTH_USER_MODEL = "host.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django_scim",
    "host",
]
MIDDLEWARE = [
    "host.token.middleware",
    "django_scim.middleware.SCIMAuthCheckMiddleware",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ["DATABASE"],
        "OPTIONS": {"timeout": 30, "transaction_mode": "IMMEDIATE"},
    }
}
SCIM_SERVICE_PROVIDER = {
    "SCHEME": "http",
    "NETLOC": f"127.0.0.1:{os.environ.get('PORT', '0')}",
    "GROUP_MODEL": "host.models.Group",
    "USER_FILTER_PARSER": "host.filters.UserFilter",
    "GROUP_FILTER_PARSER": "host.filters.GroupFilter",
    "WWW_AUTHENTICATE_HEADER": 'Bearer realm="scim"',
    "AUTHENTICATION_SCHEMES": [
        {"type": "oauthbearertoken", "name": "Bearer token", "description": "A static token"},
    ],
}
