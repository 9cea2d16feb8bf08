"""A project with django-tenants. Its environment says where users are."""

import os
from datetime import timedelta
from urllib.parse import urlsplit

ADDRESS = urlsplit(os.environ.get("TENANTS_DATABASE", "postgresql://djwto@127.0.0.1/none"))
ORDINARY = ["django.contrib.contenttypes", "django.contrib.auth"]
IN_TENANTS = os.environ.get("TENANTS_APPS", "").split()

SECRET_KEY = "tests only"
ALLOWED_HOSTS = [".demo.localhost"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SHARED_APPS = [
    "django_tenants",
    "tests.served.tenants.customers",
    *ORDINARY,
    "djwto",
]
# django-tenants wants one at least.
TENANT_APPS = [*IN_TENANTS, "django.contrib.messages"]
INSTALLED_APPS = list(dict.fromkeys([*SHARED_APPS, *TENANT_APPS]))
TENANT_MODEL, TENANT_DOMAIN_MODEL = "customers.Customer", "customers.Domain"
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
DATABASES = {
    "default": {
        "ENGINE": "django_tenants.postgresql_backend",
        "NAME": ADDRESS.path.strip("/"),
        "USER": ADDRESS.username,
        "HOST": ADDRESS.hostname,
        "PORT": ADDRESS.port,
    }
}
MIDDLEWARE = [
    "django_tenants.middleware.main.TenantMainMiddleware",
    "django.middleware.common.CommonMiddleware",
    "djwto.middleware.JWTMiddleware",
]
ROOT_URLCONF = "tests.served.tenants.urls"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The throttle counts in the database, as several processes want it.
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "counts"}
}

DJWTO_SIGNING_KEY = "a signing key for tests, of 64 bytes" + "." * 28
DJWTO_ISS_CLAIM = "tenants"
DJWTO_MAX_SESSIONS = 3
DJWTO_LOGIN_THROTTLE = {"attempts": 3}
DJWTO_REVOCATION_INTERVAL = timedelta(milliseconds=50)
DJWTO_TENANT = "djwto.contrib.django_tenants.schema"
