// The products on sale.

import { get, path } from "./api.js";
import { brand } from "./brand.js";
import { byId, fill, make, notice } from "./dom.js";
import { money, shortened } from "./format.js";

brand();

const list = byId("products");
try {
  const { products } = await get("/v1/products");
  fill(list, ...products.map(card));
  byId("none").hidden = products.length > 0;
} catch (refusal) {
  byId("message").append(notice("bad", "The products could not be loaded.", refusal.message));
} finally {
  byId("waiting").remove();
}

function card(product) {
  const lowest = product.lowest_price_value;
  const amount = money(lowest ?? 0, product.price_currency);
  const from = lowest === 0 ? "From free" : `From ${amount}`;
  const price = lowest === null ? "Not on sale" : product.has_several_prices ? from : amount;
  return make(
    "li.card",
    {},
    make("span.mark", { "aria-hidden": "true" }, [...product.name][0]),
    make("h2", {}, make("a", { href: path`/buy/${product.slug}` }, product.name)),
    make("p", {}, shortened(product.description)),
    make("p.price", {}, price),
  );
}
