// One order, live: what to pay, how it stands, and what was bought.

import { path } from "./api.js";
import { brand } from "./brand.js";
import { byId, fill, make, notice } from "./dom.js";
import { money } from "./format.js";
import { license } from "./license.js";
import { orders } from "./orders.js";
import { follow, inWords, isLost } from "./progress.js";
import { usdc } from "./usdc.js";

const [, page, named] = location.pathname.split("/");
const id = page === "pay" ? named : new URLSearchParams(location.search).get("invoice_id")?.trim() ?? "";
const title = byId("title");
const state = byId("state");
let shown = "";

if (id) {
  byId("ask").hidden = true;
  follow(id, tell, fail);
} else {
  byId("waiting").hidden = true;
  earlier();
  brand();
}

function tell(progress) {
  if (!shown) {
    brand(progress.product);
  }
  const { title: headline, kind, text } = inWords(progress);
  // Only what is new is put into the page, so that it is read out once.
  const now = headline + (progress.license_key ?? "");
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
    progress.usdc && progress.status === "pending" ? usdc(progress.usdc) : null,
    progress.checkout_url && progress.status === "pending" && !progress.usdc
      ? make("p", {}, make("a.button", { href: progress.checkout_url, rel: "noopener" }, "Back to the payment page"))
      : null,
    isLost(progress) && progress.product
      ? make("p", {}, make("a.button", { href: path`/buy/${progress.product}` }, "Order again"))
      : null,
    facts(progress),
  );
}

/** Says it where it is seen: on the page, and on its tab. */
function entitle(headline, kind) {
  fill(title, headline);
  title.dataset.kind = kind;
  document.title = [headline, ...document.title.split(" · ").slice(1)].join(" · ");
}

/** The price as it was quoted, and what it was in sats where that is known. */
function priceOf({ price_value: value, price_currency: currency, amount_sats: sats }) {
  const quoted = money(value, currency);
  return currency !== "SAT" && sats ? `${quoted} (${money(sats)})` : quoted;
}

function facts(progress) {
  const price = priceOf(progress);
  return make(
    "dl",
    {},
    make("dt", {}, "Order"),
    make("dd", {}, make("code", {}, progress.invoice_id)),
    progress.product_name ? make("dt", {}, "Product") : null,
    progress.product_name ? make("dd", {}, progress.product_name) : null,
    make("dt", {}, "Price"),
    make("dd", {}, price),
  );
}

function fail(refusal) {
  if (refusal.status === 404) {
    byId("waiting").hidden = true;
    byId("ask").hidden = false;
    entitle("There is no such order", "bad");
    fill(state, notice("bad", "Check that the order's id was copied whole."));
    earlier();
    brand();
    return;
  }
  fill(byId("trouble"), notice("plain", "No answer just now; this page keeps asking.", refusal.message));
}

/** The orders this browser made. */
function earlier() {
  const kept = orders();
  if (!kept.length) {
    return;
  }
  byId("earlier").append(
    make("h2", {}, "Orders made in this browser"),
    make(
      "ul",
      {},
      ...kept.map((order) =>
        make(
          "li",
          {},
          make("a", { href: path`/status?invoice_id=${order.id}` }, order.name || order.id),
          ` (${new Date(order.at).toLocaleString()})`,
        ),
      ),
    ),
  );
}
