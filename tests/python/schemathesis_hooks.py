"""What Schemathesis cannot know from the document: which members go together.
Without this most requests would end at the first check of their handler.

Loaded by schemathesis.toml. Nothing here is random, so that a run can be repeated.
"""

import itertools
import re

import schemathesis

numbers = itertools.count(1)

# Of these a request sends one side or the other.
EITHER = {
    "/v1/machines/deactivate": (["fingerprint"], ["machine_id"]),
    "/v1/admin/products": (["price_sats"], ["price_currency", "price_value"]),
    "/v1/admin/products/{id}": (["price_sats"], ["price_currency", "price_value"]),
    "/v1/admin/discount-codes": (["policy_slug"], ["policy_slugs"]),
}


@schemathesis.hook
def filter_case(context, case):
    """Leaves out what the document cannot say. An empty value in a query counts as absent,
    so it breaks no limit; and of the platforms of a release one word, MANIFEST, has a
    path of its own."""
    if "" in (case.query or {}).values():
        return False
    return "MANIFEST" not in (case.path_parameters or {}).values()


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes one side of two, and a fresh `Idempotency-Key`, most of the time. Each call
    comes from a network of its own, or wrong credentials would soon be slowed down."""
    number = next(numbers)
    address = f"{20 + number % 100}.{number // 100 % 250}.{number // 25_000}.7"
    case.headers = {**(case.headers or {}), "x-forwarded-for": address}
    if number % 8 == 0:
        return
    sides = EITHER.get(case.operation.path)
    if sides and isinstance(case.body, dict):
        for member in sides[number % 2]:
            case.body.pop(member, None)
    # A key that breaks its limits is there to be refused.
    key = (case.headers or {}).get("Idempotency-Key")
    if isinstance(key, str) and re.fullmatch("[!#-~]{1,255}", key):
        if len(key) >= 16 or "/admin/" in case.operation.path:
            case.headers["Idempotency-Key"] = f"made-up-{number:012}"
