// Paying in USDC: what to send, where to, and till when.

import { make, secret } from "./dom.js";

const NETWORKS = { 137: "Polygon", 80002: "Polygon Amoy, a test network" };

/** Shows what a wallet needs: the `usdc` of an order. */
export function usdc({ chain_id: chain, token, address, amount_display: amount, expires_at: end, uri, qr_svg_url: code }) {
  const network = NETWORKS[chain] ?? `the chain ${chain}`;
  const till = new Date(end);
  return make(
    "section.usdc",
    {},
    make("h2", {}, `Send exactly ${amount} USDC on ${network}`),
    make("img", { src: code, alt: "QR code of this payment, for a wallet", width: "240", height: "240" }),
    make(
      "div",
      {},
      make("h3", {}, "Amount in USDC"),
      secret("amount", amount),
      make("h3", {}, "To the address"),
      secret("address", address),
      make("p", {}, make("a.button", { href: uri }, "Open in a wallet")),
    ),
    make(
      "p",
      {},
      "In one payment, to the last digit: the amount tells the vendor that it is yours. The network's fee comes on top. Pay before ",
      make("time", { datetime: end }, till.toLocaleString()),
      "; the amount may belong to somebody else later.",
    ),
    make(
      "details",
      {},
      make("summary", {}, "Which USDC?"),
      make("p", {}, `The one that Circle issues on ${network}, not a bridged one. Its contract:`),
      secret("contract of the token", token),
    ),
  );
}
