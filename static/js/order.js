// One order, live: how to pay, its state, and the license.

import { path } from "./api.js";
import { brand } from "./brand.js";
import { byId, fill, make, notice, secret } from "./dom.js";
import { day, money } from "./format.js";
import { license } from "./license.js";
import { orders, secretOf } from "./orders.js";
import { follow, inWords, isLost, isPayable } from "./progress.js";
import { usdc } from "./usdc.js";

const [, page, named] = location.pathname.split("/");
const query = new URLSearchParams(location.search);
/** Public: payment providers return buyers with it. One of them appends `?orderId=…`. */
const number = page === "pay" ? named : query.get("order_id")?.split("?")[0];
const opener = inAddress() || secretOf(number);
const title = byId("title");
const state = byId("state");
let shown = "";

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  location.assign(path`/status#${byId("invoice_id").value.trim()}`);
});
addEventListener("hashchange", () => location.reload());

if (opener || page === "pay") {
  byId("ask").hidden = true;
  // A number opens only an order from before there were secrets.
  follow(opener || number, tell, fail);
} else if (number) {
  elsewhere();
} else {
  byId("waiting").hidden = true;
  earlier();
  brand();
}

/** The secret after `#`, which browsers do not send to a server. */
function inAddress() {
  const asked = query.get("invoice_id")?.trim();
  if (!asked) {
    return location.hash.slice(1);
  }
  query.delete("invoice_id");
  history.replaceState(null, "", `?${query}${path`#${asked}`}`);
  return asked;
}

function elsewhere() {
  ask("This browser cannot show your key", "waiting");
  fill(
    state,
    notice(
      "plain",
      "Your key is shown only in the browser that placed the order.",
      "Open this page in that browser, or use the private link that it shows.",
      "If you ordered in an app, go back to the app. It has your key.",
      make("p", {}, "Otherwise contact the vendor and quote the order number ", make("code", {}, number), "."),
    ),
  );
}

function ask(headline, kind) {
  byId("waiting").hidden = true;
  byId("ask").hidden = false;
  entitle(headline, kind);
  earlier();
  brand();
}

function tell(progress) {
  if (!shown) {
    brand(progress.product);
  }
  const { title: headline, kind, text } = inWords(progress);
  // Only a change updates the page, so that it is announced once.
  const now = headline + text + (progress.license_key ?? "");
  fill(byId("trouble"));
  if (now === shown) {
    return;
  }
  shown = now;
  byId("waiting").hidden = progress.status !== "pending";
  entitle(headline, kind || "waiting");
  fill(
    state,
    text ? notice(kind || "plain", text) : null,
    progress.license_key ? license(progress, progress.product) : null,
    progress.usdc && isPayable(progress) ? usdc(progress.usdc) : null,
    progress.checkout_url && isPayable(progress) && !progress.usdc
      ? make("p", {}, make("a.button", { href: progress.checkout_url, rel: "noopener" }, "Back to the payment page"))
      : null,
    progress.redirect_url
      ? make("p", {}, make("a.button", { href: progress.redirect_url, rel: "noopener" }, "Continue"))
      : null,
    isLost(progress) && progress.product
      ? make("p", {}, make("a.button", { href: path`/buy/${progress.product}` }, "Order again"))
      : null,
    facts(progress),
    isLost(progress) ? null : privately(progress),
  );
}

function privately({ invoice_id: text }) {
  return make(
    "details",
    {},
    make("summary", {}, "Open this order in another browser"),
    make("p", {}, "This private link shows your key to anyone who has it. Save it; do not share it."),
    secret("private link", `${location.origin}/status#${text}`),
  );
}

/** Sets the headline of the page and of its tab. */
function entitle(headline, kind) {
  fill(title, headline);
  title.dataset.kind = kind;
  document.title = [headline, ...document.title.split(" · ").slice(1)].join(" · ");
}

/** The quoted price, and the amount in sats if it is known. */
function priceOf({ price_value: value, price_currency: currency, amount_sats: sats }) {
  const quoted = money(value, currency);
  return currency !== "SAT" && sats ? `${quoted} (${money(sats)})` : quoted;
}

function facts(progress) {
  const valid = progress.expires_at ? `Until ${day(progress.expires_at)}` : "Never expires";
  const rows = [
    ["Order", make("code", {}, progress.order_id)],
    ["Date", progress.ordered_at ? day(progress.ordered_at) : null],
    ["Product", progress.product_name],
    ["Plan", progress.policy_name],
    ["Price", priceOf(progress)],
    ["Valid", progress.license_key ? valid : null],
  ];
  const shown = rows.filter(([, value]) => value);
  return make("dl", {}, ...shown.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

function fail(refusal) {
  if (refusal.status === 404) {
    if (!opener) {
      return elsewhere();
    }
    ask("This order does not exist", "bad");
    return fill(state, notice("bad", "Check that you copied the whole code."));
  }
  fill(byId("trouble"), notice("plain", "We can't reach the shop right now. This page will keep trying.", refusal.message));
}

/** The orders placed in this browser. */
function earlier() {
  const kept = orders();
  if (!kept.length) {
    return;
  }
  byId("earlier").append(
    make("h2", {}, "Orders placed in this browser"),
    make(
      "ul",
      {},
      ...kept.map((order) =>
        make(
          "li",
          {},
          make("a", { href: path`/status#${order.secret}` }, order.name || order.id),
          ` (${new Date(order.at).toLocaleString()})`,
        ),
      ),
    ),
  );
}
