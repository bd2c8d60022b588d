"""Seats with the published Python SDK."""

import pytest
from keysat_licensing_client import LicensingError
from keysat_licensing_client.online import ValidateOptions


def counted(answer):
    return (answer.ok, answer.reason, answer.active_count, answer.max_machines)


def test_to_the_cap_and_beyond(client, operator, raw, slug):
    key = operator.licensed(slug, max_machines=2)["license_key"]
    first = client.activate(key, "a", hostname="studio.lan", platform="macos-arm64")
    assert counted(first) == (True, None, 1, 2)
    second = client.activate(key, "b")
    assert counted(second) == (True, None, 2, 2)
    assert first.machine_id != second.machine_id
    beyond = client.activate(key, "c")
    assert counted(beyond) == (False, "too_many_machines", 2, 2)
    assert beyond.machine_id is None
    again = client.activate(key, "a")
    assert counted(again) == (True, None, 2, 2)
    assert again.machine_id == first.machine_id
    machines = raw.post("/v1/machines/list", {"key": key})["machines"]
    described = {machine["machine_id"]: machine for machine in machines}
    assert described[first.machine_id]["hostname"] == "studio.lan"
    assert described[first.machine_id]["platform"] == "macos-arm64"


def test_heartbeat(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    seat = client.activate(key, "a")
    beat = client.heartbeat(key, "a")
    assert (beat.ok, beat.reason, beat.machine_id) == (True, None, seat.machine_id)
    stranger = client.heartbeat(key, "b")
    assert (stranger.ok, stranger.reason) == (False, "not_activated")


def test_deactivate_and_activate_again(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    assert client.activate(key, "a").ok
    stranger = client.deactivate(key, "b")
    assert (stranger.ok, stranger.reason) == (False, "not_found")
    assert client.deactivate(key, "a", reason="a new laptop").ok
    assert client.deactivate(key, "a").ok
    assert client.heartbeat(key, "a").reason == "not_activated"
    assert counted(client.activate(key, "b")) == (True, None, 1, 1)
    assert client.activate(key, "a").reason == "too_many_machines"
    assert client.deactivate(key, "b").ok
    assert counted(client.activate(key, "a")) == (True, None, 1, 1)


def test_trust_on_first_use(client, operator, slug):
    key = operator.licensed(slug)["license_key"]
    first = client.validate(key, product_slug=slug, fingerprint="mine")
    assert first.ok and first.machine_id and first.max_machines == 1
    assert client.validate(key, fingerprint="mine").machine_id == first.machine_id
    stranger = client.validate(key, fingerprint="yours")
    assert (stranger.ok, stranger.reason) == (False, "fingerprint_mismatch")
    plain = client.validate(key)
    assert plain.ok and plain.machine_id is None
    assert client.deactivate(key, "mine").ok
    assert client.validate(key, fingerprint="yours").ok


def test_options(client, operator, raw, slug):
    key = operator.licensed(slug)["license_key"]
    options = ValidateOptions(product_slug=slug, fingerprint="f", hostname="h", platform="linux")
    seat = client.validate(key, opts=options)
    machine = raw.post("/v1/machines/list", {"key": key})["machines"][0]
    assert machine["machine_id"] == seat.machine_id
    assert (machine["hostname"], machine["platform"]) == ("h", "linux")


def test_fingerprints_of_any_kind(client, operator, slug):
    key = operator.licensed(slug, max_machines=0)["license_key"]
    fingerprints = ["ü", "a b", "🔑", "x" * 1_024, '"\\', "A", "a"]
    seats = {client.activate(key, fingerprint).machine_id for fingerprint in fingerprints}
    assert None not in seats and len(seats) == len(fingerprints)


def test_license_not_in_force(client, operator, slug):
    issued = operator.licensed(slug, max_machines=2)
    key = issued["license_key"]
    assert client.activate(key, "a").ok
    operator.standing(issued, "suspend")
    assert counted(client.activate(key, "b")) == (False, "suspended", 0, 2)
    assert client.heartbeat(key, "a").ok
    assert client.deactivate(key, "a").ok


def test_unknown_keys(client, operator, signer, slug):
    issued = operator.licensed(slug)
    nobody = signer.key(issued["product_id"], "01990000-0000-7000-8000-000000000000")
    for call, words in [
        (lambda: client.activate(nobody, "a"), "HTTP 404"),
        (lambda: client.activate("LIC1-AAAA-BBBB", "a"), "HTTP 400"),
        (lambda: client.heartbeat("notakey", "a"), "HTTP 400"),
        (lambda: client.deactivate("", "a"), "HTTP 400"),
        (lambda: client.activate(issued["license_key"], ""), "HTTP 400"),
    ]:
        with pytest.raises(LicensingError, match=words):
            call()
    assert client.heartbeat(nobody, "a").reason == "not_activated"
    assert client.deactivate(nobody, "a").reason == "not_found"
