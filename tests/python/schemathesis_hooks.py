"""What Schemathesis cannot know from the document: which members go together.
Without this most requests would end at the first check of their handler.

Loaded by schemathesis.toml. Nothing here is random, so that a run can be repeated.
"""

import datetime
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


def plain(value):
    """JSON Schema takes 7.0 for an integer, and cannot say that no text has U+0000."""
    if isinstance(value, dict):
        return {name.replace("\0", "0"): plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [plain(member) for member in value]
    if isinstance(value, str):
        return value.replace("\0", "0")
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return value


# Members and parameters that are a time or a day.
TIMES = {"built_at", "expires_at", "from", "license_from", "maintenance_until", "to"}


# An e-mail address that every rule for them accepts.
EMAIL = re.compile(r"[a-zA-Z0-9.]{1,60}@[a-zA-Z0-9]{1,60}\.example")


def meant(members):
    """A pattern lets the 30th of February pass, and what is no e-mail address."""
    email = members.get("buyer_email")
    if isinstance(email, str) and email and not EMAIL.fullmatch(email):
        members["buyer_email"] = "ana@b.example"
    for name in TIMES & members.keys():
        value = members[name]
        try:
            datetime.datetime.fromisoformat(value)
        except ValueError:
            members[name] = "2040-02-29" + value[10:]
        except TypeError:
            pass


@schemathesis.hook
def before_call(context, case, kwargs):
    """Takes one side of two, and a fresh `Idempotency-Key`, most of the time. Each call
    comes from a network of its own, or wrong credentials would soon be slowed down."""
    number = next(numbers)
    address = f"{20 + number % 100}.{number // 100 % 250}.{number // 25_000}.7"
    case.headers = {**(case.headers or {}), "x-forwarded-for": address}
    if case.meta and case.meta.generation.mode.is_positive:
        # What a cursor is made of, the document does not say.
        (case.query or {}).pop("cursor", None)
        case.body = plain(case.body)
        case.query = plain(case.query)
        for members in (case.query, case.body):
            if isinstance(members, dict):
                meant(members)
    elif number % 8 == 0:
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
