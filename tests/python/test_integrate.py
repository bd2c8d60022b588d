"""The Python examples of docs/integrate.md at work. tests/integrate/commands.rs
takes them from the document; they are imported here as they stand there."""

import os
import time

import buy
import license_check
import pytest
import seats
from conftest import BASE_URL, call
from keysat_licensing_client import LicensingError

# Nobody listens to the port for discarding: the network is down.
NOWHERE = "http://127.0.0.1:9"
DAY = 86_400


@pytest.fixture
def app(operator, client, tmp_path):
    """Makes an application with a license of its own."""
    def make(server=BASE_URL, **members):
        issued = operator.issue("demo", **members)
        license = license_check.License(
            server, client.fetch_pubkey_pem(), os.environ["KEYWRIGHT_PRODUCT_ID"], "demo",
            issued["license_key"], "this machine", tmp_path / "license.json",
        )
        return license, issued
    return make


def moved(license, server):
    """The same application, with another way to the server."""
    license.client = license_check.Client(server)


def test_a_day_with_a_license(app, operator):
    license, issued = app(NOWHERE, entitlements=["basic"], expires_at="2030-01-01T00:00:00Z")
    now = time.time()
    assert license.at_start() == (True, ["basic"])
    assert license.check_online() == (True, ["basic"])
    moved(license, BASE_URL)
    operator.change(issued, entitlements=["basic", "pro"], expires_at=None)
    more = (True, ["basic", "pro"])
    assert license.check_online(now) == more
    moved(license, NOWHERE)
    assert license.check_online(now + 10 * DAY) == more
    assert license.at_start(now + 15 * DAY) == (True, ["basic"])
    assert license.at_start(now + 3_650 * DAY) == (False, "expired")
    operator.standing(issued, "suspend")
    assert license.at_start(now) == more
    moved(license, BASE_URL)
    assert license.check_online(now) == (False, "suspended")
    moved(license, NOWHERE)
    assert license.check_online(now + 30 * DAY) == (False, "suspended")
    operator.standing(issued, "unsuspend")
    moved(license, BASE_URL)
    for _ in range(70):  # also when it is asked too often
        assert license.check_online(now) == more
    license.product_id = "another"
    assert license.at_start(now) == (False, "product_mismatch")
    license.key = license.key[:-8] + "A" * 8
    assert license.at_start(now) == (False, "bad_signature")


def test_cache_of_any_content(app):
    license, _ = app(entitlements=["basic"])
    for content in ["", "[]", "null", "{}", "not JSON", '{"key": 1}']:
        license.cache.write_text(content)
        assert license.at_start() == (True, ["basic"]), content


def test_watch(app, operator):
    license, issued = app(entitlements=["basic"])
    told = []
    license_check.watch(license, lambda ok, what: told.append((ok, what)), every=0.02)
    deadline = time.monotonic() + 20
    while not told and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told[0] == (True, ["basic"])
    operator.standing(issued, "revoke")
    while told[-1] != (False, "revoked") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert told[-1] == (False, "revoked")


def test_seats(operator):
    issued = operator.issue("demo", max_machines=2)
    key = issued["license_key"]
    for machine in ["a", "b", "a"]:
        assert seats.take(BASE_URL, key, machine) == (True, None)
    ok, machines = seats.take(BASE_URL, key, "c")
    assert not ok and len(machines) == 2
    seats.free(BASE_URL, key, machines[0]["machine_id"])
    assert seats.take(BASE_URL, key, "c") == (True, None)
    seats.leave(BASE_URL, key, "c")
    assert seats.machines(BASE_URL, key) == machines[1:]
    operator.standing(issued, "revoke")
    with pytest.raises(RuntimeError, match="revoked"):
        seats.take(BASE_URL, key, "d")


@pytest.mark.parametrize("end", ["pay", "expire"])
def test_buy(client, end):
    remembered = []

    def show(checkout_url):
        invoice = checkout_url.rsplit("/", 1)[1]
        body = {"invoice": invoice} | ({"how": "full"} if end == "pay" else {})
        call(f"{os.environ['KEYWRIGHT_CONTROL_URL']}/_control/{end}", "POST", body)

    if end == "expire":
        with pytest.raises(LicensingError, match="expired"):
            buy.buy(BASE_URL, "buyer@b.example", remembered.append, show)
        return
    key = buy.buy(BASE_URL, "buyer@b.example", remembered.append, show)
    assert client.validate(key, product_slug="demo").entitlements == ["pro"]
    assert client.poll_purchase(remembered[0]).license_key == key
