// The orders placed in this browser, for a buyer who returns. A secret opens a
// license key, so it stays on this machine.

const KEY = "keywright-orders";
const MOST = 20;

/** Newest first: `{id, secret, name, at}`. An older order is opened by its id. */
export function orders() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    const whole = Array.isArray(kept) ? kept.filter((order) => typeof order?.id === "string") : [];
    return whole.map((order) => ({ ...order, secret: order.secret ?? order.id }));
  } catch {
    return [];
  }
}

export const secretOf = (id) => orders().find((order) => order.id === id)?.secret ?? "";

/** Returns whether the browser stored the order; private windows may refuse. */
export function remember({ order_id: id, invoice_id: secret }, name) {
  try {
    const others = orders().filter((order) => order.id !== id);
    const kept = [{ id, secret, name, at: new Date().toISOString() }, ...others].slice(0, MOST);
    localStorage.setItem(KEY, JSON.stringify(kept));
    return secretOf(id) === secret;
  } catch {
    return false;
  }
}
