// A subscription: what is paid, paying for the next period, cancelling and resuming.

import { get, post } from "./api.js";
import { brand } from "./brand.js";
import { busy, byId, fill, make, notice } from "./dom.js";
import { day, every, money } from "./format.js";

/** Where a browser that paid elsewhere finds the way back; forgotten with the tab. */
const KEPT = "keywright-subscription";
/** Milliseconds between two looks while a payment may arrive. */
const PAUSE = 5_000;

const RAILS = { lightning: "Bitcoin (Lightning)", onchain: "Bitcoin (on-chain)", usdc: "USDC on Polygon", card: "Card" };
const STATES = {
  trialing: "Trial",
  active: "Active",
  past_due: "Payment due",
  cancelled: "Cancelled",
  lapsed: "Lapsed",
};

/** A license key, or the token of the link; only the key cancels. */
let credential = location.hash.slice(1) || sessionStorage.getItem(KEPT) || "";
let looking;
let shown = "";
let shop;

addEventListener("hashchange", () => location.reload());
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  credential = byId("license_key").value.trim();
  busy(byId("open"), look);
});
byId("go").addEventListener("click", () => busy(byId("go"), pay));

if (credential) {
  look();
} else {
  byId("ask").hidden = false;
  brand();
}

async function look() {
  clearTimeout(looking);
  try {
    tell(await get("/v1/subscription", { authorization: `Bearer ${credential}` }));
    sessionStorage.setItem(KEPT, credential);
  } catch (refusal) {
    say(notice("bad", refusal.message));
    byId("ask").hidden = false;
    sessionStorage.removeItem(KEPT);
  }
}

function say(...boxes) {
  fill(byId("message"), ...boxes);
}

const isKey = () => credential.toUpperCase().startsWith("LIC1");

function tell(subscription) {
  if (subscription.can_pay) {
    looking = setTimeout(look, PAUSE);
  }
  // Only a change updates the page, so that it is announced once.
  const now = JSON.stringify(subscription);
  if (now === shown) {
    return;
  }
  shown = now;
  const { state, next_charge: charge } = subscription;
  byId("ask").hidden = true;
  byId("title").textContent = `${subscription.product_name}: ${subscription.policy_name}`;
  fill(byId("state"), notice(kind(subscription), STATES[state] ?? state, ...inWords(subscription)));
  offer(subscription, charge);
  actions(subscription);
  history(subscription.history);
}

function kind({ state, license_status }) {
  if (license_status !== "active" || state === "lapsed" || state === "past_due") {
    return "bad";
  }
  return state === "cancelled" ? "plain" : "good";
}

function inWords(subscription) {
  const { state, license_status, paid_until, grace_until, next_charge: charge } = subscription;
  if (license_status !== "active") {
    return [`The license is ${license_status}. Nothing is due.`];
  }
  const until = paid_until ? day(paid_until) : "";
  const lines = {
    trialing: `The trial ends on ${until}.`,
    active: `Paid until ${until}.`,
    past_due: `It was paid until ${until}, and the license works until ${grace_until ? day(grace_until) : until}.`,
    cancelled: `The license works until ${until}. Nothing more is due.`,
    lapsed: `It was paid until ${until}. One payment brings it back, at the price of today.`,
  };
  const said = [lines[state] ?? ""];
  if (charge) {
    const price = money(charge.price_value, charge.price_currency);
    said.push(`Next: ${price} on ${day(charge.at)}, then ${every(subscription.period_days)}. Nothing is taken by itself: you pay by this page.`);
  }
  if (charge?.discount_code) {
    const left = charge.discount_cycles_left;
    said.push(left ? `The code ${charge.discount_code} holds for ${left} more.` : `The code ${charge.discount_code} holds.`);
  }
  return said;
}

async function offer(subscription, charge) {
  byId("pay").hidden = !subscription.can_pay;
  byId("go").textContent = charge ? `Pay ${money(charge.price_value, charge.price_currency)}` : "Pay for a period";
  shop ??= await brand(subscription.product);
  // Only prices in dollars can be paid in USDC.
  const currency = charge?.price_currency ?? "USD";
  const offered = (shop?.rails ?? []).filter((rail) => RAILS[rail] && (rail !== "usdc" || currency === "USD"));
  fill(byId("rail"), ...offered.map((rail) => make("option", { value: rail }, RAILS[rail])));
}

function actions(subscription) {
  const button = (id, text, work) => {
    const made = make("button", { type: "button", id, onclick: () => busy(made, work) }, text);
    return made;
  };
  const live = ["trialing", "active", "past_due"].includes(subscription.state);
  fill(
    byId("actions"),
    subscription.can_resume && button("resume", "Resume", resume),
    live && isKey() && button("cancel", "Cancel the subscription", cancel),
    live && !isKey() && "To cancel, open this page with the license key.",
  );
}

function history(cycles) {
  const rows = cycles
    .filter((cycle) => cycle.paid_at)
    .map((cycle) =>
      make(
        "tr",
        {},
        make("td", {}, day(cycle.paid_at)),
        make("td", {}, money(cycle.price_value, cycle.price_currency)),
        make("td", {}, cycle.state === "withdrawn" ? "taken back" : `${day(cycle.starts_at)} – ${day(cycle.ends_at)}`),
      ),
    );
  const head = make("tr", {}, ...["Paid on", "Amount", "For"].map((text) => make("th", { scope: "col" }, text)));
  fill(
    byId("history"),
    rows.length ? make("h2", {}, "Payments") : null,
    rows.length ? make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)) : null,
  );
}

const mine = () => (isKey() ? { license_key: credential } : { pay_token: credential });

async function pay() {
  try {
    const payment = await post("/v1/subscriptions/pay", { ...mine(), rail: byId("rail").value || undefined });
    if (payment.checkout_url) {
      location.assign(payment.checkout_url);
    } else {
      await look();
    }
  } catch (refusal) {
    say(notice("bad", refusal.message));
  }
}

async function resume() {
  try {
    tell(await post("/v1/subscriptions/resume", mine()));
    say();
  } catch (refusal) {
    say(notice("bad", refusal.message));
  }
}

async function cancel() {
  if (!confirm("Cancel the subscription? The license works for the time that is paid.")) {
    return;
  }
  try {
    await post("/v1/subscriptions/cancel", { license_key: credential });
    say(notice("good", "The subscription is cancelled."));
    await look();
  } catch (refusal) {
    say(notice("bad", refusal.message));
  }
}
