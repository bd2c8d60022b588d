"""Checking keys with the published Python SDK, online and offline: every reason,
and what is told of a key that is good."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from keysat_licensing_client import (
    Client,
    LicensingError,
    PublicKey,
    Verifier,
    has_entitlement,
    hash_fingerprint,
    is_expired_at,
    parse_license_key,
)

PAST = "2020-01-01T00:00:00Z"


def reason(client, key, **members):
    answer = client.validate(key, **members)
    assert not answer.ok
    return answer.reason


def offline(verifier, key, now):
    with pytest.raises(LicensingError) as error:
        verifier.verify_with_time(key, now)
    return error.value.kind


def test_every_member(client, operator, slug):
    issued = operator.licensed(
        slug, entitlements=["pro", "sync"], max_machines=3, expires_at="2100-01-01T00:00:00Z"
    )
    good = client.validate(issued["license_key"], product_slug=slug, fingerprint="m")
    assert good.ok and good.reason is None
    assert (good.license_id, good.product_id) == (issued["license_id"], issued["product_id"])
    assert (good.product_slug, good.issued_at) == (slug, issued["issued_at"])
    assert good.expires_at == "2100-01-01T00:00:00Z"
    assert (good.status, good.max_machines) == ("active", 3)
    assert good.entitlements == ["pro", "sync"]
    assert good.machine_id
    assert (good.grace_until, good.in_grace_period, good.is_trial) == (None, None, None)


def test_bad_format(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    for text in ["", "notakey", "LIC1", "LIC1-AAAA", "LIC9-AAAA-BBBB", key[:-1], f"{key}="]:
        assert reason(client, text) == "bad_format", text


def test_bad_signature(client, operator, signer, verifier, slug):
    forged = signer.for_license(operator.licensed(slug), seed=bytes([7] * 32))
    assert reason(client, forged) == "bad_signature"
    assert offline(verifier, forged, 0) == "bad_signature"


def test_not_found(client, operator, signer, slug):
    product_id = operator.licensed(slug)["product_id"]
    key = signer.key(product_id, "01990000-0000-7000-8000-000000000001")
    assert reason(client, key, fingerprint="m") == "not_found"


def test_suspended_and_revoked(client, operator, verifier, slug):
    issued = operator.licensed(slug)
    key = issued["license_key"]
    operator.standing(issued, "suspend")
    assert reason(client, key) == "suspended"
    operator.standing(issued, "unsuspend")
    assert client.validate(key).ok
    operator.standing(issued, "revoke")
    assert reason(client, key, product_slug="another") == "revoked"
    # Only the server knows.
    assert verifier.verify_with_time(key, int(time.time()))


def test_replaced_key(client, operator, verifier, slug):
    issued = operator.licensed(slug)
    key = operator.standing(issued, "replace-key")["license_key"]
    assert reason(client, issued["license_key"]) == "revoked"
    assert client.validate(key).ok
    assert verifier.verify_with_time(key, int(time.time()))


def test_product_mismatch(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    assert reason(client, key, product_slug="another") == "product_mismatch"
    # The SDK sends an empty text as it is, and it counts as none.
    assert client.validate(key, product_slug="").ok


def test_expired(client, operator, verifier, slug):
    issued = operator.licensed(slug, expires_at=PAST)
    answer = client.validate(issued["license_key"], fingerprint="m")
    assert (answer.ok, answer.reason) == (False, "expired")
    assert (answer.license_id, answer.product_id) == (issued["license_id"], issued["product_id"])
    assert answer.expires_at == "2020-01-01T00:00:00Z"
    assert offline(verifier, issued["license_key"], int(time.time())) == "expired"


def test_fingerprint_mismatch(client, operator, signer, verifier, slug):
    issued = operator.licensed(slug, max_machines=5)
    bound = signer.for_license(issued, bound_to="mine")
    assert client.validate(bound, fingerprint="mine").ok
    assert reason(client, bound, fingerprint="yours") == "fingerprint_mismatch"
    verified = verifier.verify(bound)
    assert verified.is_fingerprint_bound
    assert verified.fingerprint_hash.hex() == hash_fingerprint("mine")


def test_too_many_machines(client, operator, slug):
    issued = operator.licensed(slug, max_machines=2)
    key = issued["license_key"]
    assert client.validate(key, fingerprint="a").ok and client.validate(key, fingerprint="b").ok
    answer = client.validate(key, fingerprint="c")
    assert (answer.ok, answer.reason, answer.max_machines) == (False, "too_many_machines", 2)
    assert answer.license_id == issued["license_id"]


def test_too_many_activations(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    for number in range(12):
        if not client.activate(key, str(number)).ok:
            break
        client.deactivate(key, str(number))
    assert reason(client, key, fingerprint="another") == "too_many_activations"


def test_rate_limited(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    refused = set()
    # The burst is 60. Instances count for themselves up to a quarter of it, and Spin
    # has one for each request that runs at once.
    with ThreadPoolExecutor(5) as threads:
        for _ in range(10):
            answers = list(threads.map(lambda _: client.validate(key), range(40)))
            refused |= {answer.reason for answer in answers if not answer.ok}
            if refused:
                break
    assert refused == {"rate_limited"}


def test_grace(client, operator, verifier, slug):
    operator.product(slug)
    operator.policy(slug, "short", duration_seconds=1, grace_seconds=1_000_000)
    key = operator.issue(slug, policy_slug="short")["license_key"]
    # Expired from the second of `expires_at` on.
    time.sleep(1.1)
    answer = client.validate(key, product_slug=slug)
    assert answer.ok and answer.in_grace_period is True
    assert answer.grace_until > answer.expires_at
    assert offline(verifier, key, int(time.time())) == "expired"


def test_trial(client, operator, verifier, slug):
    key = operator.licensed(slug, is_trial=True)["license_key"]
    assert client.validate(key).is_trial is True
    assert verifier.verify(key).is_trial


def test_after_the_operators_change(client, operator, verifier, slug):
    issued = operator.licensed(slug, entitlements=["basic"])
    operator.change(issued, entitlements=["basic", "pro"], max_machines=7,
                    expires_at="2099-12-31T00:00:00Z")
    answer = client.validate(issued["license_key"])
    assert (answer.entitlements, answer.max_machines) == (["basic", "pro"], 7)
    assert answer.expires_at == "2099-12-31T00:00:00Z"
    # The key itself says what it said when it was made.
    assert verifier.verify(issued["license_key"]).entitlements == ["basic"]


def test_the_second_of_expiry(operator, verifier, slug):
    key = operator.licensed(slug, expires_at="2030-01-01T00:00:00Z")["license_key"]
    end = 1_893_456_000
    assert verifier.verify_with_time(key, end - 1).expires_at == end
    for now in [end, end + 1, end + 10**9]:
        assert offline(verifier, key, now) == "expired"
    assert verifier.verify(key).expires_at == end
    payload = parse_license_key(key).payload
    assert is_expired_at(payload, end) and not is_expired_at(payload, end - 1)


def test_perpetual(operator, verifier, slug):
    key = operator.licensed(slug)["license_key"]
    verified = verifier.verify_with_time(key, 4_000_000_000)
    assert verified.expires_at == 0 and not verified.is_fingerprint_bound


def test_entitlements(client, operator, verifier, slug):
    names = [f"feature-{number:03}" for number in range(255)]
    key = operator.licensed(slug, entitlements=names)["license_key"]
    verified = verifier.verify(key)
    assert verified.entitlements == names
    assert has_entitlement(verified.payload, "feature-254")
    assert not has_entitlement(verified.payload, "Feature-254")
    assert client.validate(key, product_slug=slug).entitlements == names


def test_another_vendor(operator, slug):
    key = operator.licensed(slug)["license_key"]
    verifier = Verifier(PublicKey.from_raw(bytes.fromhex(
        "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    )))
    with pytest.raises(LicensingError) as error:
        verifier.verify(key)
    assert error.value.kind == "bad_signature"


def test_changed_keys(operator, verifier, slug):
    key = operator.licensed(slug)["license_key"]
    for at in range(len("LIC1-"), len(key) - 1, 7):
        changed = "C" if key[at] == "B" else "B"
        with pytest.raises((LicensingError, UnicodeDecodeError)):
            verifier.verify(key[:at] + changed + key[at + 1:])


def test_no_server():
    # Port 9 is for discarding, and nobody listens to it.
    with pytest.raises(LicensingError) as error:
        Client("http://127.0.0.1:9").validate("LIC1-A-A")
    assert error.value.kind == "network"


def test_too_long(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    with pytest.raises(LicensingError, match="HTTP 400") as error:
        client.validate(key, fingerprint="x" * 2_000)
    assert error.value.kind == "server_error"
    assert "fingerprint" in str(error.value)
