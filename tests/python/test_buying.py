"""Purchases with the published Python SDK."""

import time

import pytest
from keysat_licensing_client import LicensingError, RedeemFreeOptions, StartPurchaseOptions


def wait(client, session):
    return client.wait_for_license(session.invoice_id, interval_s=0.1, timeout_s=180)


def refused(call, status):
    with pytest.raises(LicensingError) as error:
        call()
    assert error.value.kind == "server_error"
    assert f"HTTP {status}" in str(error.value)
    return str(error.value)


def test_free(client, operator, verifier, slug):
    operator.product(slug, 0)
    session = client.start_purchase(slug)
    assert (session.amount_sats, session.checkout_url) == (0, "")
    # The provider's id is public; `invoice_id` is the secret that opens the key.
    assert session.btcpay_invoice_id.startswith("free-")
    assert session.invoice_id not in session.btcpay_invoice_id
    key = wait(client, session)
    offline = verifier.verify_with_time(key, int(time.time()))
    online = client.validate(key, product_slug=slug)
    assert online.ok and online.status == "active"
    assert online.license_id == str(offline.license_id)
    assert online.product_id == str(offline.product_id)


def test_paid_with_policy(client, operator, provider, verifier, slug):
    operator.product(slug)
    operator.policy(slug, "pro", price_sats_override=2_000, max_machines=3, entitlements=["pro"])
    options = StartPurchaseOptions(
        policy_slug="pro", buyer_email="a@b.example", buyer_note="hello",
        redirect_url="https://app.example/thanks",
    )
    session = client.start_purchase(slug, options)
    assert (session.amount_sats, session.base_price_sats) == (2_000, 2_000)
    assert session.discount_applied_sats == 0
    assert session.poll_url.endswith(f"/v1/purchase/{session.invoice_id}")
    waiting = client.poll_purchase(session.invoice_id)
    assert (waiting.status, waiting.license_key, waiting.license_id) == ("pending", None, None)
    provider.pay(session)
    key = wait(client, session)
    assert verifier.verify(key).entitlements == ["pro"]
    assert client.validate(key, product_slug=slug).max_machines == 3
    assert client.poll_purchase(session.invoice_id).status == "settled"


def test_discount_code(client, operator, provider, slug):
    operator.product(slug, 8_000)
    operator.code("PY-QUARTER", "percent", 2_500, max_uses=1, product_slug=slug)
    session = client.start_purchase(slug, StartPurchaseOptions(code=" py-quarter "))
    assert session.amount_sats == 6_000
    assert session.base_price_sats == 8_000
    assert session.discount_applied_sats == 2_000
    provider.pay(session)
    assert client.validate(wait(client, session)).ok
    refused(lambda: client.start_purchase(slug, StartPurchaseOptions(code="PY-QUARTER")), 400)
    refused(lambda: client.start_purchase(slug, StartPurchaseOptions(code="PY-NOSUCH")), 400)


def test_code_of_100_percent(client, operator, slug):
    operator.product(slug, 8_000)
    operator.code("PY-ALL", "percent", 10_000, product_slug=slug)
    session = client.start_purchase(slug, StartPurchaseOptions(code="PY-ALL"))
    assert (session.amount_sats, session.checkout_url) == (0, "")
    assert session.discount_applied_sats == 8_000
    assert client.validate(wait(client, session)).ok


def test_redeem(client, operator, verifier, slug):
    operator.product(slug)
    operator.policy(slug, "press", entitlements=["press"])
    operator.code("PY-PRESS", "free_license", max_uses=2, product_slug=slug, policy_slug="press")
    options = RedeemFreeOptions(buyer_email="press@b.example", buyer_note="a review")
    redeemed = client.redeem_free_license(slug, "py-press", options)
    assert str(verifier.verify(redeemed.license_key).license_id) == redeemed.license_id
    assert redeemed.redemption_id
    online = client.validate(redeemed.license_key, product_slug=slug)
    assert online.ok and online.entitlements == ["press"]
    # It is a purchase like any other.
    polled = client.poll_purchase(redeemed.invoice_id)
    assert (polled.status, polled.license_key) == ("settled", redeemed.license_key)
    client.redeem_free_license(slug, "PY-PRESS")
    refused(lambda: client.redeem_free_license(slug, "PY-PRESS"), 400)


def test_redeem_refusals(client, operator, slug):
    operator.product(slug)
    operator.code("PY-HALF", "percent", 5_000, product_slug=slug)
    refused(lambda: client.redeem_free_license(slug, "PY-UNKNOWN"), 400)
    refused(lambda: client.redeem_free_license(slug, "PY-HALF"), 400)
    refused(lambda: client.redeem_free_license("py-no-such", "PY-HALF"), 404)


@pytest.mark.parametrize("end", ["expired", "invalid"])
def test_wait_ends_with_the_invoice(client, operator, provider, slug, end):
    operator.product(slug)
    session = client.start_purchase(slug)
    if end == "expired":
        provider.act("expire", session)
    else:
        provider.act("mark", session, status="Invalid")
    with pytest.raises(LicensingError, match=f"invoice ended in status {end}"):
        wait(client, session)


def test_wait_in_vain(client, operator, slug):
    operator.product(slug)
    session = client.start_purchase(slug)
    with pytest.raises(LicensingError, match="timed out"):
        client.wait_for_license(session.invoice_id, interval_s=0.1, timeout_s=0.3)


def test_key_of_a_license_that_is_not_in_force(client, operator, slug):
    operator.product(slug, 0)
    session = client.start_purchase(slug)
    wait(client, session)
    sold = {"license_id": client.poll_purchase(session.invoice_id).license_id}
    for change, shown in [("suspend", False), ("unsuspend", True), ("revoke", False)]:
        operator.standing(sold, change)
        polled = client.poll_purchase(session.invoice_id)
        assert polled.status == "settled"
        assert bool(polled.license_key) == shown, change


def test_refusals(client, operator, slug):
    operator.product(slug)
    operator.policy(slug, "hidden", public=False)
    refused(lambda: client.start_purchase("py-no-such"), 404)
    refused(lambda: client.start_purchase(slug, StartPurchaseOptions(policy_slug="none")), 404)
    refused(lambda: client.start_purchase(slug, StartPurchaseOptions(policy_slug="hidden")), 400)
    words = refused(lambda: client.poll_purchase("no-such-invoice"), 404)
    assert "not_found" in words


def test_policies(client, operator, slug):
    catalog = [{"slug": "sync", "name": "Sync", "description": "Across machines"},
               {"slug": "pro", "name": "Pro"}]
    operator.product(slug, 1_000, description="What it is", entitlements_catalog=catalog,
                     metadata={"homepage": "https://app.example"})
    operator.policy(slug, "solo")
    operator.policy(
        slug, "team", name="Team", price_sats_override=5_000, duration_seconds=31_536_000,
        max_machines=4, is_trial=True, entitlements=["sync", "pro"],
        metadata={"description": "For teams", "highlight": True, "marketing_bullets": ["Fast"],
                  "hidden_entitlements": ["pro"], "anything": {"else": None}},
    )
    listed = client.list_public_policies(slug)
    product = listed.product
    assert (product.slug, product.name, product.description) == (slug, f"The {slug}", "What it is")
    assert product.base_price_sats == 1_000
    assert [(entry.slug, entry.name, entry.description) for entry in product.entitlements_catalog] \
        == [("sync", "Sync", "Across machines"), ("pro", "Pro", "")]
    solo, team = listed.policies
    assert (solo.slug, solo.name, solo.description, solo.price_sats) == ("solo", "solo", "", 1_000)
    assert (solo.duration_seconds, solo.max_machines, solo.entitlements) == (0, 1, [])
    assert not (solo.is_trial or solo.highlighted or solo.is_recurring)
    assert (team.slug, team.name, team.description) == ("team", "Team", "For teams")
    assert (team.price_sats, team.duration_seconds) == (5_000, 31_536_000)
    assert (team.max_machines, team.entitlements) == (4, ["sync", "pro"])
    assert team.is_trial and team.highlighted
    assert (team.is_recurring, team.renewal_period_days, team.trial_days) == (False, 0, 0)


def test_policies_with_a_featured_discount(client, operator, raw, slug):
    operator.product(slug, 8_000)
    operator.policy(slug, "pro")
    plain = raw.get(f"/v1/products/{slug}/policies")["policies"][0]
    assert plain["featured_discount"] is None
    assert client.list_public_policies(slug).policies[0].price_sats == 8_000
    operator.code("PY-OFFER", "percent", 5_000, product_slug=slug, featured=True)
    plain = raw.get(f"/v1/products/{slug}/policies")["policies"][0]
    assert plain["featured_discount"]["discounted_price_sats"] == 4_000
    assert client.list_public_policies(slug).policies[0].price_sats == 8_000
    session = client.start_purchase(slug, StartPurchaseOptions(policy_slug="pro"))
    assert (session.amount_sats, session.discount_applied_sats) == (4_000, 4_000)


def test_policies_of_nothing(client):
    refused(lambda: client.list_public_policies("py-no-such"), 404)
