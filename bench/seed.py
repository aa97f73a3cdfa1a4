"""Puts devices into a server's database, each logged in, and prints what they need to know.

Signing up by REST would measure Argon2, and meet the limits on it. Run with the server's environment:
`python -m bench.seed COUNT`; JSON, for each device `device`, `access`, and a delivery `token` of its user.
"""

import json
import secrets
import sys
import uuid

import django
from django.db import transaction


def main() -> None:
    django.setup()
    from accounts.delivery import digest_of
    from accounts.logins import start_login
    from accounts.models import DeliveryToken, Device, User

    seeded = []
    with transaction.atomic():
        for number in range(int(sys.argv[1])):
            # A word that no password has as its hash: nobody logs in with one.
            user = User.objects.create(username=f"bench-{number}", password="!")  # noqa: S106
            device = Device.objects.create(
                id=uuid.uuid4(),
                user=user,
                signing_key=secrets.token_bytes(32),
                exchange_key=secrets.token_bytes(32),
                suite=1,
            )
            token = secrets.token_bytes(32)
            DeliveryToken.objects.create(digest=digest_of(token), recipient=user)
            seeded.append(
                {"device": str(device.pk), "access": start_login(device=device).access, "token": token.hex()}
            )
    sys.stdout.write(json.dumps(seeded))


if __name__ == "__main__":
    main()
