# The official library of Standard Webhooks, and cryptography's Ed25519, on deliveries that
# an instance has sent.
#
#   python verify_webhooks.py DELIVERIES
#
# As verify_webhooks.mjs. Prints how many checks passed.

import base64
import datetime
import json
import sys
from unittest import mock

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

checks = 0


def accepts(secret, headers, body):
    global checks
    assert Webhook(secret).verify(body, headers) == json.loads(body)
    checks += 1


def refuses(secret, headers, body, why):
    global checks
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError as error:
        assert why in str(error), error
        checks += 1
        return
    raise AssertionError(f"{why}: was accepted")


def verifies(key, headers, body):
    global checks
    checks += 1
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    for one in headers["webhook-signature"].split(" "):
        if one.startswith("v1a,"):
            try:
                public.verify(base64.b64decode(one[4:]), signed)
                return True
            except InvalidSignature:
                pass
    return False


class Later(datetime.datetime):
    """The library's clock, six minutes on."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.now(tz) + datetime.timedelta(minutes=6)


with open(sys.argv[1], encoding="utf-8") as file:
    given = json.load(file)
for delivery in given["deliveries"]:
    headers, body = delivery["headers"], delivery["body"]
    altered = body.replace("admin_issue", "purchase")
    renamed = {**headers, "webhook-id": "another"}
    for secret in delivery["secrets"]:
        accepts(secret, headers, body)
        refuses(secret, headers, altered, "No matching signature")
        refuses(secret, renamed, body, "No matching signature")
        with mock.patch("standardwebhooks.webhooks.datetime", Later):
            refuses(secret, headers, body, "too old")
    for secret in given["others"]["secrets"]:
        if secret not in delivery["secrets"]:
            refuses(secret, headers, body, "No matching signature")
    for key in delivery["public_keys"]:
        assert verifies(key, headers, body)
        assert not verifies(key, headers, altered)
        assert not verifies(key, renamed, body)
    for key in given["others"]["public_keys"]:
        if key not in delivery["public_keys"]:
            assert not verifies(key, headers, body)
print(checks)
