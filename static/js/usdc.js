// Paying in USDC: the amount, the address and the deadline.

import { fill, make, secret } from "./dom.js";
import { countdown } from "./format.js";

const NETWORKS = { 137: "Polygon", 80002: "Polygon Amoy, a test network" };

/** Shows what a wallet needs, from the `usdc` of an order. */
export function usdc({ chain_id: chain, token, address, amount_display: amount, expires_at: end, uri, qr_svg_url: code }) {
  const network = NETWORKS[chain] ?? `chain ${chain}`;
  const deadline = new Date(end);
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
      "Send it in one payment and match every digit: the amount identifies your order. Network fees are extra. Pay before ",
      make("time", { datetime: end }, deadline.toLocaleString()),
      "; after that the amount may be given to another order. ",
      timeLeft(deadline),
    ),
    make(
      "p",
      {},
      make("strong", {}, "Pay from your own wallet. "),
      "Exchanges often round the amount or take their fee from it, and then your payment cannot be matched to your order. Withdraw to your wallet first.",
    ),
    make(
      "details",
      {},
      make("summary", {}, "Which USDC?"),
      make("p", {}, `Use the USDC that Circle issues on ${network}, not a bridged token. Its contract:`),
      secret("contract of the token", token),
    ),
  );
}

/** Counts down every second, for as long as it is shown. It is not read aloud. */
function timeLeft(deadline) {
  const left = make("strong", { role: "timer", "aria-live": "off" });
  const show = () => {
    const rest = deadline - Date.now();
    fill(left, rest > 0 ? `Time left: ${countdown(rest)}` : "The time is over.");
    if (rest > 0 && (left.isConnected || !shown)) {
      shown ||= left.isConnected;
      setTimeout(show, 1_000);
    }
  };
  let shown = false;
  show();
  return left;
}
