"""What a vendor, a buyer and the vendor's application do, with the client that
openapi-python-client generates. tests/clients/main.rs sets the environment."""

import io
import json
import os
import time
import urllib.request

from keywright_client import AuthenticatedClient, Client
from keywright_client.api.buying import create_order, get_order
from keywright_client.api.licenses import validate_license
from keywright_client.api.products import create_product
from keywright_client.api.releases import download_release, publish_release, start_upload, upload_part
from keywright_client.models import (
    ProductInput,
    Publication,
    Purchase,
    PurchaseOrder,
    UploadInput,
    ValidateRequest,
)
from keywright_client.types import File

base = os.environ["KEYWRIGHT_BASE_URL"]
publication = json.loads(os.environ["KEYWRIGHT_PUBLICATION"])
content = os.environ["KEYWRIGHT_CONTENT"].encode()
slug, version, file = publication["product"], publication["version"], publication["files"][0]
everybody = Client(base_url=base, raise_on_unexpected_status=True)


def bearer(token):
    return AuthenticatedClient(base_url=base, token=token, raise_on_unexpected_status=True)


operator = bearer(os.environ["KEYWRIGHT_ADMIN_KEY"])
product = create_product.sync(client=operator, body=ProductInput(name="A product", slug=slug, price_sats=1000))
assert product.slug == slug, product
new = UploadInput(product=slug, sha256=file["sha256"], size=len(content))
upload = start_upload.sync(client=operator, body=new)
part = File(payload=io.BytesIO(content), mime_type="application/octet-stream")
upload = upload_part.sync(upload.id, client=operator, body=part, offset=upload.offset)
assert upload.complete, upload
published = publish_release.sync(client=operator, body=Publication.from_dict(publication))
assert published.release.version == version, published

order = PurchaseOrder(product=slug, buyer_email="ana@example.com")
order = create_order.sync(client=everybody, body=order, idempotency_key=f"order-of-{slug}-1234")
assert isinstance(order, Purchase), order
payment = json.dumps({"invoice": order.btcpay_invoice_id, "how": "full"}).encode()
pay = urllib.request.Request(os.environ["KEYWRIGHT_CONTROL_URL"] + "/_control/pay", payment, {"content-type": "application/json"})
urllib.request.urlopen(pay).close()
until = time.monotonic() + 20
while (progress := get_order.sync(order.invoice_id, client=everybody)).status != "settled":
    assert time.monotonic() < until, progress
    time.sleep(0.1)

request = ValidateRequest(key=progress.license_key, product_slug=slug, fingerprint="a machine")
assert validate_license.sync(client=everybody, body=request).ok
refused = validate_license.sync(client=everybody, body=ValidateRequest(key="LIC1-AAAA-BBBB"))
assert not refused.ok and refused.reason == "bad_format", refused

refused = download_release.sync_detailed(slug, version, file["platform"], client=everybody)
assert refused.status_code == 401, refused
downloaded = download_release.sync(slug, version, file["platform"], client=bearer(progress.token))
assert downloaded.payload.read() == content
print("bought, validated, published, downloaded")
