// The orders made in this browser, so that a buyer who closed the window finds
// them again. Kept on this machine only.

const KEY = "keywright-orders";
const MOST = 20;

/** The orders, newest first: `{id, name, at}`. */
export function orders() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((order) => typeof order?.id === "string") : [];
  } catch {
    return [];
  }
}

/** Keeps an order; a browser that keeps nothing is no reason not to sell. */
export function remember(id, name) {
  try {
    const others = orders().filter((order) => order.id !== id);
    const kept = [{ id, name, at: new Date().toISOString() }, ...others].slice(0, MOST);
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // Private windows may refuse.
  }
}
