"""The door to a device: the one place that says whose it is.

Spec: docs/spec/rest.md
"""

import uuid

from accounts.errors import DeviceNotFound
from accounts.models import Device


def access_device(*, user_id: uuid.UUID | None, device_id: uuid.UUID) -> Device:
    """Fetch a device of a user.

    Unknown and foreign are one answer, so ids can not be probed.

    Raises:
        DeviceNotFound: no such device, or it is not this user's.
    """
    device = Device.objects.select_related("user").filter(pk=device_id).first()
    if device is None or device.user_id != user_id:
        raise DeviceNotFound
    return device
