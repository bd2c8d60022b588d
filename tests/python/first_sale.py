"""The first sale with the published Python SDK, as an application would do it.

    first_sale.py BASE_URL CONTROL_URL FREE_PRODUCT PAID_PRODUCT PAID_POLICY

BASE_URL is the instance, CONTROL_URL the payment provider's double, where this
script pays. Products and policy exist already. Exits with 0 when all is well.
"""

import json
import sys
import time
import urllib.request

from keysat_licensing_client import (
    Client,
    LicensingError,
    PublicKey,
    StartPurchaseOptions,
    Verifier,
)


def check(condition, words):
    """Ends the script with a message unless the condition holds."""
    if not condition:
        sys.exit(f"first_sale.py: {words}")


def pay(control_url, invoice):
    """Pays an invoice in full, at the double."""
    body = json.dumps({"invoice": invoice, "how": "full"}).encode()
    request = urllib.request.Request(
        f"{control_url}/_control/pay",
        data=body,
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=15) as answer:
        check(answer.status == 200, f"paying answered {answer.status}")


def good(client, verifier, key, product):
    """Verifies a key offline, then asks the server."""
    offline = verifier.verify_with_time(key, int(time.time()))
    online = client.validate(key, product_slug=product)
    check(online.ok, f"validate says {online.reason}")
    check(online.license_id == str(offline.license_id), "both name one license")
    check(online.product_id == str(offline.product_id), "both name one product")
    check(online.entitlements == offline.entitlements, "both grant the same")
    other = client.validate(key, product_slug="another-product")
    check(not other.ok and other.reason == "product_mismatch", f"not {other}")
    return online


def main(base_url, control_url, free, paid, policy):
    client = Client(base_url)
    verifier = Verifier(PublicKey.from_pem(client.fetch_pubkey_pem()))

    session = client.start_purchase(free)
    check(session.amount_sats == 0 and session.checkout_url == "", f"free: {session}")
    key = client.wait_for_license(session.invoice_id, interval_s=0.2, timeout_s=20)
    good(client, verifier, key, free)

    listed = client.list_public_policies(paid)
    tiers = {tier.slug: tier for tier in listed.policies}
    check(listed.product.slug == paid and policy in tiers, f"policies: {listed}")
    options = StartPurchaseOptions(policy_slug=policy, buyer_email="a@b.example")
    session = client.start_purchase(paid, options)
    check(session.amount_sats == tiers[policy].price_sats > 0, f"paid: {session}")
    check(session.poll_url == f"{base_url}/v1/purchase/{session.invoice_id}", "poll_url")
    waiting = client.poll_purchase(session.invoice_id)
    check(waiting.status == "pending" and waiting.license_key is None, f"not {waiting}")
    pay(control_url, session.btcpay_invoice_id)
    key = client.wait_for_license(session.invoice_id, interval_s=0.2, timeout_s=20)
    online = good(client, verifier, key, paid)
    check(online.max_machines == tiers[policy].max_machines, f"seats: {online}")

    broken = key[:-8] + ("AAAAAAAA" if not key.endswith("AAAAAAAA") else "BBBBBBBB")
    check(not client.validate(broken).ok, "a changed key is refused")
    try:
        client.start_purchase("no-such-product")
    except LicensingError as error:
        check(error.kind == "server_error" and "404" in str(error), f"not {error}")
    else:
        check(False, "an unknown product is refused")


if __name__ == "__main__":
    check(len(sys.argv) == 6, "usage: see the top of the file")
    main(*sys.argv[1:])
