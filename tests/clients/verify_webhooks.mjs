// The official library of Standard Webhooks, and Node's own Ed25519, on deliveries that an
// instance has sent.
//
//   node verify_webhooks.mjs NODE_MODULES DELIVERIES
//
// DELIVERIES: a file with {deliveries: [{headers, body, secrets, public_keys}], others:
// {secrets, public_keys}}. Prints how many checks passed.

import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import path from "node:path";

const [modules, file] = process.argv.slice(2);
const { Webhook, WebhookVerificationError } = createRequire(path.join(modules, "x.js"))("standardwebhooks");
const { deliveries, others } = JSON.parse(readFileSync(file, "utf8"));
let checks = 0;

const accepts = (secret, { headers, body }) => {
  assert.deepEqual(new Webhook(secret).verify(body, headers), JSON.parse(body));
  checks += 1;
};
const refuses = (secret, { headers, body }, why) => {
  assert.throws(() => new Webhook(secret).verify(body, headers), (error) => {
    return error instanceof WebhookVerificationError && why.test(error.message);
  });
  checks += 1;
};

// A `whpk_` key: 32 bytes, which Node takes with the head of SubjectPublicKeyInfo.
const publicKey = (text) => {
  const raw = Buffer.from(text.replace(/^whpk_/, ""), "base64");
  const head = Buffer.from("302a300506032b6570032100", "hex");
  return createPublicKey({ key: Buffer.concat([head, raw]), format: "der", type: "spki" });
};
const verifies = (key, { headers, body }) => {
  checks += 1;
  const signed = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  const signatures = headers["webhook-signature"].split(" ").filter((one) => one.startsWith("v1a,"));
  return signatures.some((one) => verify(null, signed, publicKey(key), Buffer.from(one.slice(4), "base64")));
};

for (const delivery of deliveries) {
  const altered = { ...delivery, body: delivery.body.replace("admin_issue", "purchase") };
  const renamed = { ...delivery, headers: { ...delivery.headers, "webhook-id": "another" } };
  for (const secret of delivery.secrets) {
    accepts(secret, delivery);
    refuses(secret, altered, /No matching signature/);
    refuses(secret, renamed, /No matching signature/);
    const now = Date.now;
    Date.now = () => now() + 6 * 60_000;
    refuses(secret, delivery, /too old/);
    Date.now = now;
  }
  others.secrets
    .filter((secret) => !delivery.secrets.includes(secret))
    .forEach((secret) => refuses(secret, delivery, /No matching signature/));
  for (const key of delivery.public_keys) {
    assert.ok(verifies(key, delivery));
    assert.ok(!verifies(key, altered));
    assert.ok(!verifies(key, renamed));
  }
  others.public_keys
    .filter((key) => !delivery.public_keys.includes(key))
    .forEach((key) => assert.ok(!verifies(key, delivery)));
}
console.log(checks);
