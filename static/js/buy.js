// One product: choose a plan, apply a code, order.

import { Refusal, get, path, post } from "./api.js";
import { brand } from "./brand.js";
import { busy, byId, fill, make, notice } from "./dom.js";
import { counted, duration, every, machines, money, sentence } from "./format.js";
import { remember } from "./orders.js";

const slug = decodeURIComponent(location.pathname.replace(/\/$/, "").split("/").pop());
const form = byId("order");

/** Prices are in the currency's smallest unit. */
let currency = "SAT";

/** Plans by slug, and the answer for the code that was applied. */
let tiers = new Map();
let tried = null;

let rails;

/** Why an address is asked for, unless a plan needs it. */
const why = byId("email-why").textContent;

/** Where what was typed is kept, for a buyer who comes back from the checkout. */
const DRAFT = `keywright-draft-${slug}`;

/** The idempotency key of the order, kept until its form changes. */
let attempt = null;

brand(slug).then((profile) => {
  rails = profile?.rails;
  total();
});
const answer = await get(path`/v1/products/${slug}/policies`).catch(missing);
byId("waiting").remove();
if (answer) {
  show(answer);
}

function missing(refusal) {
  const gone = refusal.status === 404;
  fill(byId("title"), gone ? "Not on sale" : "This product could not be loaded");
  const text = gone ? "This product does not exist or is no longer sold." : refusal.message;
  byId("message").append(notice("bad", text, make("a", { href: "/" }, "All products")));
}

function show({ product, policies }) {
  currency = product.price_currency;
  document.title = document.title.replace("Buy", `Buy ${product.name}`);
  fill(byId("title"), product.name);
  fill(byId("description"), product.description);
  // A product without any policy is sold at its own price.
  const plain = { slug: "", name: product.name, price_sats: product.base_price_sats, plain: true };
  const offered = product.sold_without_policy ? [plain] : policies;
  if (!offered.length) {
    byId("message").append(notice("bad", "This product is not on sale right now.", make("a", { href: "/" }, "All products")));
    return;
  }
  tiers = new Map(offered.map((policy) => [policy.slug, policy]));
  const names = new Map(product.entitlements_catalog.map((entry) => [entry.slug, entry.name]));
  const chosen = new URLSearchParams(location.search).get("policy");
  const first = tiers.get(chosen) ?? offered.find((policy) => policy.highlighted) ?? offered[0];
  byId("tiers").append(...offered.map((policy) => tier(policy, names, policy === first)));
  byId("tier-choice").hidden = Boolean(first.plain);
  form.hidden = false;
  restore();
  total();
}

function tier(policy, names, checked) {
  return make(
    "label.tier",
    {},
    make("input", { type: "radio", name: "policy", value: policy.slug, checked, onchange: rechoose }),
    make("span.title", {}, policy.name),
    policy.highlighted ? make("span.badge.best", {}, "Recommended") : null,
    policy.is_trial ? make("span.badge", {}, "Trial") : null,
    policy.trial_days ? make("span.badge", {}, `${counted(policy.trial_days, "day")} free`) : null,
    make("p.price", {}, ...price(policy), policy.is_recurring ? ` ${every(policy.renewal_period_days)}` : ""),
    policy.description ? make("p", {}, policy.description) : null,
    policy.plain ? null : make("ul", {}, ...points(policy, names).map((text) => make("li", {}, text))),
  );
}

function price(policy) {
  const featured = policy.featured_discount;
  if (!featured?.discount_applied_sats) {
    return [money(policy.price_sats, currency)];
  }
  const before = make("s", {}, money(policy.price_sats, currency));
  const spoken = make("span.quiet", {}, featured.description ? ` ${featured.description}` : "");
  return [before, " ", money(featured.discounted_price_sats, currency), spoken];
}

function points(policy, names) {
  const hidden = new Set(policy.hidden_entitlements);
  const unlocked = policy.entitlements
    .filter((entitlement) => !hidden.has(entitlement))
    .map((entitlement) => names.get(entitlement) ?? entitlement);
  const bullets = policy.marketing_bullets;
  const above = policy.marketing_bullets_position === "above";
  return [
    ...(above ? [...bullets, ...unlocked] : [...unlocked, ...bullets]),
    machines(policy.max_machines),
    policy.is_recurring ? renews(policy) : policy.duration_seconds === 0 ? "Never expires" : `Valid for ${duration(policy.duration_seconds)}`,
  ];
}

function renews(policy) {
  const { renewal_price_sats: later, price_sats: first } = policy;
  const price = later === first ? "" : `, then ${money(later, currency)} each`;
  return `Paid ${every(policy.renewal_period_days)}${price}. Nothing is taken by itself; cancel at any time`;
}

function chosen() {
  return tiers.get(new FormData(form).get("policy") ?? "") ?? [...tiers.values()][0];
}

function due() {
  if (tried?.valid && !chosen().trial_days) {
    return tried.final_price_value;
  }
  const policy = chosen();
  if (policy.trial_days) {
    return 0;
  }
  const featured = policy.featured_discount;
  return featured ? featured.discounted_price_sats : policy.price_sats;
}

function total() {
  if (!tiers.size) {
    return;
  }
  const amount = due();
  fill(byId("total"), "Total: ", make("strong", {}, money(amount, currency)));
  const ways = offered();
  byId("rails").hidden = amount === 0 || ways.length < 2;
  for (const choice of form.rail) {
    choice.parentElement.hidden = !ways.includes(choice.value);
  }
  if (rails) {
    form.rail.value = way() ?? "";
  }
  const { trial_days: trial, renewal_period_days: days } = chosen();
  fill(byId("email-why"), trial ? "Needed for the trial: there is one for each buyer." : why);
  const later = trial ? `After ${counted(trial, "day")} you can pay ${every(days)} to keep it. If you had this trial before, you pay for the first period now.` : "";
  fill(byId("how"), amount === 0 ? `Nothing to pay. Your key appears right away. ${later}` : howToPay());
  fill(byId("pay"), amount === 0 ? "Get your license" : `Pay ${money(amount, currency)}`);
}

/** What the buyer can choose, in the order of the page: "" is bitcoin. */
function offered() {
  const ways = [
    ["", inBitcoin()],
    ["card", byCard()],
    ["usdc", inUsdc()],
  ];
  return ways.filter(([, isOffered]) => isOffered).map(([way]) => way);
}

/** What the buyer chose, else the first that is offered. */
function way() {
  const ways = offered();
  return ways.includes(form.rail.value) ? form.rail.value : ways[0];
}

function takes(rail) {
  return Boolean(rails?.includes(rail));
}

function inBitcoin() {
  return takes("lightning") || takes("onchain");
}

function byCard() {
  return takes("card");
}

/** Only prices in dollars can be paid in USDC. */
function inUsdc() {
  return currency === "USD" && takes("usdc");
}

/** The rail of the order; without one the buyer chooses at the checkout. */
function rail() {
  const chosen = way();
  if (chosen) {
    return chosen;
  }
  // Cards may be paid elsewhere, so bitcoin is named.
  const bitcoin = takes("lightning") ? "lightning" : "onchain";
  return chosen === "" && byCard() ? bitcoin : undefined;
}

function howToPay() {
  if (!rails) {
    return "";
  }
  if (way() === "card") {
    const rate = currency === "SAT" ? " It converts the price to your card's currency at its current exchange rate." : "";
    return `Pay by card on the page of the vendor's payment provider.${rate} Your card is not saved. Your key appears as soon as the payment is confirmed.`;
  }
  if (way() === "usdc") {
    return "Pay directly to the vendor's wallet. Your key appears as soon as the network confirms the payment.";
  }
  if (!inBitcoin()) {
    return "This shop cannot take payment for this product yet.";
  }
  const ways = [
    ["lightning", "Lightning"],
    ["onchain", "on-chain"],
  ];
  const bitcoin = ways.filter(([rail]) => takes(rail)).map(([, words]) => words);
  const rate = currency === "SAT" ? "" : " at the current exchange rate";
  return `Pay in bitcoin (${bitcoin.join(" or ")})${rate}, directly to the vendor. Your key appears as soon as the payment is confirmed.`;
}

function keep() {
  const { policy } = Object.fromEntries(new FormData(form));
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify({ email: form.email.value, code: form.code.value, rail: form.rail.value }));
  } catch {
    // Private windows may store nothing.
  }
  if (policy) {
    history.replaceState(null, "", path`?policy=${policy}`);
  }
}

function restore() {
  let draft;
  try {
    draft = JSON.parse(sessionStorage.getItem(DRAFT) ?? "null");
  } catch {
    draft = null;
  }
  form.email.value ||= draft?.email ?? "";
  form.code.value ||= draft?.code ?? "";
  form.rail.value = draft?.rail || form.rail.value;
  if (form.code.value.trim()) {
    byId("have-code").open = true;
    preview();
  }
}

/** Another plan is another order, and a code may differ for it. */
function rechoose() {
  keep();
  forget();
  if (form.code.value.trim()) {
    preview();
  }
}

function forget() {
  tried = null;
  fill(byId("code-said"));
  form.code.removeAttribute("aria-invalid");
  total();
}

async function preview() {
  forget();
  const code = form.code.value.trim();
  const said = byId("code-said");
  if (!code) {
    return;
  }
  const policy = chosen().slug;
  const tier = policy ? path`&policy_slug=${policy}` : "";
  try {
    const answer = await get(path`/v1/discount-codes/preview?code=${code}&product=${slug}` + tier);
    if (policy !== chosen().slug || code !== form.code.value.trim()) {
      return;
    }
    tried = answer;
    const used = answer.valid && answer.applied_code === answer.code;
    fill(said, used ? `✓ ${sentence(answer.message)}` : sentence(answer.message));
    if (!answer.valid) {
      form.code.setAttribute("aria-invalid", "true");
    }
  } catch (refusal) {
    fill(said, sentence(refusal.message));
    form.code.setAttribute("aria-invalid", "true");
  }
  total();
}

byId("try-code").addEventListener("click", ({ currentTarget }) => busy(currentTarget, preview));
form.code.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    preview();
  }
});
form.code.addEventListener("input", forget);
form.email.addEventListener("input", () => {
  form.email.removeAttribute("aria-invalid");
  fill(byId("email-said"));
});
form.addEventListener("input", () => {
  attempt = null;
  keep();
});
// A page that the browser kept whole: its last order was made.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) {
    attempt = null;
  }
});
byId("rails").addEventListener("change", total);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(byId("pay"), order);
});

async function order() {
  fill(byId("message"));
  const email = form.email;
  const good = email.checkValidity();
  if (!good) {
    email.setAttribute("aria-invalid", "true");
    fill(byId("email-said"), "Enter a valid e-mail address.");
    email.focus();
    return;
  }
  attempt ??= crypto.randomUUID?.() ?? crypto.getRandomValues(new Uint32Array(8)).join("-");
  const wanted = {
    product: slug,
    policy_slug: chosen().slug || undefined,
    buyer_email: email.value.trim() || undefined,
    code: form.code.value.trim() || undefined,
    rail: rail(),
  };
  try {
    const purchase = await post("/v1/purchase", wanted, { "idempotency-key": attempt });
    const kept = remember(purchase, document.title.split(" · ")[0].replace("Buy ", ""));
    // If the browser stores nothing, show the private link before the checkout.
    const own = path`/thank-you?order_id=${purchase.order_id}#${purchase.invoice_id}`;
    location.assign((kept && purchase.checkout_url) || own);
  } catch (refusal) {
    // A lost answer may have made an order: the same key finds it.
    if (refusal instanceof Refusal && refusal.status !== 0) {
      attempt = null;
    }
    const box = notice("bad", "Your order could not be placed.", sentence(refusal.message));
    fill(byId("message"), box);
    box.scrollIntoView({ block: "nearest" });
  }
}
