"""Find users, claim their keys, leave own keys, hand out and end the right to be reached.

Spec: docs/spec/rest.md, section "Accounts"
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import access_device
from accounts.bundles import DeviceBundle, claim_bundles
from accounts.delivery import delete_tokens, mint_tokens
from accounts.prekeys import Upload, count_stock, store_prekeys
from accounts.search import find_users
from accounts.serializers import BundleClaim, Digests, PrekeyUpload, Search
from accounts.views.base import UserView, caller, parse
from p2p.protocol.fields import b64_text


class UsersView(UserView):
    """`GET users/`."""

    throttle_scope = "search"

    def get(self, request: Request) -> Response:
        user, _ = caller(request)
        found = find_users(caller=user, prefix=parse(Search, request.query_params)["prefix"])
        return Response({"users": [{"username": username} for username in found]})


class BundlesView(UserView):
    """`POST bundles/`."""

    throttle_scope = "bundles"

    def post(self, request: Request) -> Response:
        body = parse(BundleClaim, request.data)
        user, _ = caller(request)
        bundle = claim_bundles(
            caller=user,
            username=body["username"],
            token=body["token"],
            fingerprint=body.get("fingerprint"),
        )
        return Response(
            {
                "username": bundle.username,
                "statements": [b64_text(signed) for signed in bundle.statements],
                "devices": [_to_json(device) for device in bundle.devices],
            }
        )


class PrekeysView(UserView):
    """`GET prekeys/` and `PUT prekeys/`: the caller's own device."""

    def get(self, request: Request) -> Response:
        _, login = caller(request)
        stock = count_stock(device_id=login.device_id)
        return Response(
            {
                "signed_prekey": stock.signed_prekey,
                "last_resort": stock.last_resort,
                "one_time": stock.one_time,
                "one_time_kem": stock.one_time_kem,
            }
        )

    def put(self, request: Request) -> Response:
        body = parse(PrekeyUpload, request.data)
        _, login = caller(request)
        device = access_device(user_id=login.user_id, device_id=login.device_id)
        store_prekeys(device=device, upload=Upload(**body))
        return Response(status=204)


class TokensView(UserView):
    """`POST tokens/` and `DELETE tokens/`."""

    def post(self, request: Request) -> Response:
        user, _ = caller(request)
        mint_tokens(user=user, digests=parse(Digests, request.data)["digests"])
        return Response(status=204)

    def delete(self, request: Request) -> Response:
        user, _ = caller(request)
        delete_tokens(user=user, digests=parse(Digests, request.data)["digests"])
        return Response(status=204)


def _to_json(bundle: DeviceBundle) -> dict[str, Any]:
    packed = {
        "signed_prekey": bundle.signed_prekey,
        "last_resort": bundle.last_resort,
        "one_time": bundle.one_time,
        "one_time_kem": bundle.one_time_kem,
    }
    return {
        "device": str(bundle.device_id),
        **{place: None if raw is None else b64_text(raw) for place, raw in packed.items()},
    }
