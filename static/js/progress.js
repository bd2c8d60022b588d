// The state of an order in words, and polling until it settles.

import { get, path } from "./api.js";

const LATE =
  "If you paid and nothing happens within an hour, contact the vendor and quote the order number. Your payment is recorded and will not be lost.";

/** Headline, kind of notice, text. */
const STATES = {
  pending: ["Waiting for your payment", "", "This page shows your key as soon as the payment is confirmed. You can close it and come back."],
  partly: ["Part of your payment arrived", "bad", "The rest is still missing. Send it before the order expires."],
  processing: ["Your payment arrived", "good", "Waiting for it to be confirmed. On the Bitcoin network that usually takes 10 to 60 minutes. You can close this page and come back."],
  confirming: ["Your payment arrived", "good", "Waiting for the network to confirm it, usually a minute or two. You can close this page and come back."],
  settled: ["Thank you!", "good", ""],
  overpaid: ["Thank you!", "good", "More than the price arrived. Contact the vendor about the rest and quote the order number."],
  withdrawn: ["This license is not active", "bad", "The vendor has suspended or revoked it. Contact the vendor and quote the order number."],
  replaced: ["The key of this order was replaced", "plain", "This page no longer shows a key. Recover the current one with this order’s private code and your e-mail address."],
  unsigned: ["Paid. Your key is being created", "good", "This takes a little longer than usual. This page will keep trying."],
  expired: ["The order expired", "bad", "It was not paid in time. You have not been charged and can order again. " + LATE],
  underpaid: ["Your payment was incomplete", "bad", "It was less than the price, so the order could not be completed. Contact the vendor and quote the order number. Your payment is recorded."],
  paid_late: ["Your payment arrived too late", "bad", "The order had expired. The vendor has been notified and will decide. Please do not pay again. This page shows your key once the payment is accepted."],
  invalid: ["The payment was not accepted", "bad", "The network or the vendor's payment server did not confirm it. " + LATE],
};

/** The state of an order by its status and what was paid. Without a row: the status. */
const UNSETTLED = {
  pending: { underpaid: "partly", processing: "processing", paid: "processing", overpaid: "processing", paid_late: "paid_late" },
  expired: { underpaid: "underpaid", processing: "paid_late", paid: "paid_late", overpaid: "paid_late", paid_late: "paid_late" },
  invalid: {},
};

export function inWords(progress) {
  const [title, kind, text] = STATES[stateOf(progress)] ?? STATES.pending;
  return { title, kind, text };
}

const SEEN = { confirming: "confirming", late: "paid_late" };

function stateOf({ status, payment_state: payment, license_key: key, license_id: id, is_key_replaced: replaced, usdc }) {
  if (status === "settled") {
    if (key) return payment === "overpaid" ? "overpaid" : "settled";
    if (!id) return "withdrawn";
    return replaced ? "replaced" : "unsigned";
  }
  const state = SEEN[usdc?.status] ?? UNSETTLED[status]?.[payment] ?? status;
  return usdc && state === "processing" ? "confirming" : state;
}

/** The buyer has something to pay, and nothing is on its way that pays it. */
export const isPayable = (progress) => ["pending", "partly"].includes(stateOf(progress));

/** It ended unpaid. */
export const isLost = (progress) => stateOf(progress) === "expired";

const isOver = (progress) => ["settled", "overpaid", "replaced", "withdrawn"].includes(stateOf(progress));

/** Milliseconds between polls: the first and the longest wait. */
const FIRST = 2_000;
const MOST = 30_000;

/**
 * Polls until the order is over or unknown; a hidden page does not poll.
 * `tell` gets every answer, `fail` every error.
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
