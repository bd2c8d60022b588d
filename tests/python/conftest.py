"""What the tests of the Python SDK share: the operator, the payment provider's
double, and a signer of keys that the instance would not issue by itself.

Where the instance is comes from the environment; tests/sdk_python.rs sets it.
"""

import base64
import hashlib
import itertools
import json
import os
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from keysat_licensing_client import Client, PublicKey, Verifier

BASE_URL = os.environ["KEYWRIGHT_BASE_URL"]


def call(url, method, body=None, bearer=None):
    """One exchange that has to succeed."""
    request = urllib.request.Request(url, method=method)
    if body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("content-type", "application/json")
    if bearer:
        request.add_header("authorization", f"Bearer {bearer}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            assert answer.status == 200
            return json.load(answer)
    except urllib.error.HTTPError as error:
        pytest.fail(f"{method} {url}: {error.code} {error.read().decode()}")


class Operator:
    """Who runs the instance."""

    key = os.environ["KEYWRIGHT_ADMIN_KEY"]

    def send(self, method, path, body):
        return call(f"{BASE_URL}/v1/admin/{path}", method, body, self.key)

    def product(self, slug, price_sats=1_000, **members):
        product = {"slug": slug, "name": f"The {slug}", "price_sats": price_sats}
        return self.send("POST", "products", product | members)

    def policy(self, product, slug, **members):
        policy = {"product_slug": product, "slug": slug, "name": slug}
        return self.send("POST", "policies", policy | members)

    def issue(self, product, **members):
        return self.send("POST", "licenses", {"product_slug": product} | members)

    def licensed(self, slug, **members):
        """A license by hand, for a product of its own."""
        self.product(slug)
        return self.issue(slug, **members)

    def standing(self, issued, change):
        """`suspend`, `unsuspend` or `revoke`."""
        path = f"licenses/{issued['license_id']}/{change}"
        return self.send("POST", path, {"reason": "a test"})

    def change(self, issued, **members):
        return self.send("PATCH", f"licenses/{issued['license_id']}", members)

    def code(self, code, kind, amount=None, **members):
        body = {"code": code, "kind": kind} | members
        if amount is not None:
            body["amount"] = amount
        return self.send("POST", "discount-codes", body)


class Provider:
    """The payment provider's double."""

    url = os.environ["KEYWRIGHT_CONTROL_URL"]

    def act(self, verb, session, **members):
        body = {"invoice": session.btcpay_invoice_id} | members
        call(f"{self.url}/_control/{verb}", "POST", body)

    def pay(self, session):
        self.act("pay", session, how="full")


class Signer:
    """Signs whatever payload, from the format's description alone: neither our
    code nor the SDK's makes these keys."""

    seed = base64.b64decode(os.environ["KEYWRIGHT_SIGNING_KEY"])

    def key(self, product_id, license_id, *, expires_at=0, trial=False, bound_to=None,
            entitlements=(), seed=None):
        flags = (1 if bound_to is not None else 0) | (2 if trial else 0)
        digest = bytes(32) if bound_to is None else hashlib.sha256(bound_to.encode()).digest()
        payload = b"".join([
            bytes([2, flags]),
            uuid.UUID(product_id).bytes,
            uuid.UUID(license_id).bytes,
            (1_700_000_000).to_bytes(8, "big"),
            expires_at.to_bytes(8, "big"),
            digest,
            bytes([len(entitlements)]),
            *(bytes([len(name)]) + name.encode() for name in entitlements),
        ])
        private = Ed25519PrivateKey.from_private_bytes(seed or self.seed)
        parts = (payload, private.sign(payload))
        return "-".join(["LIC1", *(base64.b32encode(part).decode().rstrip("=") for part in parts)])

    def for_license(self, issued, **members):
        """Another key for a license that was issued."""
        return self.key(issued["product_id"], issued["license_id"], **members)


@dataclass
class Raw:
    """The instance without the SDK."""

    base_url: str

    def post(self, path, body):
        return call(self.base_url + path, "POST", body)

    def get(self, path):
        return call(self.base_url + path, "GET")


@pytest.fixture(scope="session")
def client():
    return Client(BASE_URL)


@pytest.fixture(scope="session")
def verifier(client):
    return Verifier(PublicKey.from_pem(client.fetch_pubkey_pem()))


@pytest.fixture(scope="session")
def operator():
    return Operator()


@pytest.fixture(scope="session")
def provider():
    return Provider()


@pytest.fixture(scope="session")
def signer():
    return Signer()


@pytest.fixture(scope="session")
def raw():
    return Raw(BASE_URL)


numbers = itertools.count(1)


@pytest.fixture
def slug(request):
    """A product's name for this test alone."""
    name = request.node.originalname.removeprefix("test_").replace("_", "-")
    return f"py-{name[:40]}-{next(numbers)}"
