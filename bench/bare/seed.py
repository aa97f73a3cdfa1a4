"""Puts devices into the bare server's database, and prints what `bench.seed` prints.

`python -m bench.bare.seed COUNT`, with the server's environment.
"""

import json
import secrets
import sys
import uuid

import django
from django.db import transaction


def main() -> None:
    django.setup()
    from django.contrib.auth.models import User
    from rest_framework_simplejwt.tokens import AccessToken

    seeded = []
    with transaction.atomic():
        for number in range(int(sys.argv[1])):
            # A word that no password has as its hash: nobody logs in with one.
            user = User.objects.create(username=f"bench-{number}", password="!")  # noqa: S106
            access, device = str(AccessToken.for_user(user)), str(uuid.UUID(int=user.pk))
            seeded.append({"device": device, "access": access, "token": secrets.token_hex(32)})
    sys.stdout.write(json.dumps(seeded))


if __name__ == "__main__":
    main()
