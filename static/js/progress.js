// Where an order stands, in words, and waiting for it to settle.

import { get, path } from "./api.js";

const LATE =
  "If you paid and nothing happens within an hour, write to the vendor and name the order: the payment is recorded and will not be lost.";

/** Headline, kind of notice, text. */
const STATES = {
  pending: ["Waiting for your payment", "", "This page shows your key as soon as the payment is confirmed. You can close it and come back."],
  processing: ["Your payment arrived", "good", "It waits for confirmation by the network: a minute on Polygon, 10 to 60 on the Bitcoin chain. You can close this page and come back."],
  settled: ["Thank you!", "good", ""],
  withdrawn: ["This license is not active", "bad", "The vendor has suspended or withdrawn it. Write to the vendor and name the order."],
  unsigned: ["Paid; your key is being made", "good", "This takes a moment longer than usual. The page goes on asking."],
  expired: ["The order expired", "bad", "It was not paid in time. Nothing is owed; you can order again. " + LATE],
  underpaid: ["Too little was paid", "bad", "The payment was less than the price, so the order could not be completed. Write to the vendor and name the order: the payment is recorded."],
  paid_late: ["The payment came too late", "bad", "It arrived after the order expired. The vendor was told and decides; you need not pay again. This page shows the key once it is accepted."],
  invalid: ["The payment was not accepted", "bad", "The network or the vendor's payment server did not confirm it. " + LATE],
};

export function inWords(progress) {
  const [title, kind, text] = STATES[stateOf(progress)] ?? STATES.pending;
  return { title, kind, text };
}

const SEEN = { confirming: "processing", late: "paid_late" };

function stateOf({ status, payment_state: payment, license_key: key, license_id: id, usdc }) {
  if (status === "settled") {
    if (key) return "settled";
    return id ? "unsigned" : "withdrawn";
  }
  return SEEN[usdc?.status] ?? (STATES[payment] ? payment : status);
}

/** It ended unpaid. */
export const isLost = (progress) => stateOf(progress) === "expired";

const isOver = (progress) => ["settled", "withdrawn"].includes(stateOf(progress));

/** Milliseconds between questions: often at first, then seldom. */
const FIRST = 2_000;
const MOST = 30_000;

/**
 * Asks until the order is over, or unknown; a page that is not looked at asks nothing.
 * `tell` gets every answer, `fail` every refusal.
 */
export async function follow(id, tell, fail) {
  for (let wait = FIRST; ; wait = Math.min(wait * 1.25, MOST)) {
    try {
      const progress = await get(path`/v1/purchase/${id}`);
      tell(progress);
      if (isOver(progress)) {
        return;
      }
    } catch (refusal) {
      fail(refusal);
      if (refusal.status === 404) {
        return;
      }
    }
    await new Promise((done) => setTimeout(done, wait));
    await seen();
  }
}

function seen() {
  if (!document.hidden) {
    return Promise.resolve();
  }
  return new Promise((done) => {
    document.addEventListener("visibilitychange", () => done(), { once: true });
  });
}
