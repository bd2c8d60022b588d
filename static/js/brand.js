// The vendor's name, color and support contact, on every page.

import { get, path } from "./api.js";
import { byId, fill, make } from "./dom.js";

/** Shows the seller of this product; a failure is ignored. */
export async function brand(product) {
  const query = product ? path`?product=${product}` : "";
  const profile = await get(`/v1/storefront${query}`).catch(() => null);
  if (!profile) {
    return null;
  }
  if (profile.name) {
    fill(byId("vendor"), profile.name);
    document.title = `${document.title.split(" · ")[0]} · ${profile.name}`;
  }
  color(profile.brand_color);
  support(profile);
  return profile;
}

function color(hex) {
  if (!/^#[0-9a-f]{6}$/i.test(hex ?? "")) {
    return;
  }
  const style = document.documentElement.style;
  style.setProperty("--brand", hex);
  style.setProperty("--on-brand", luminance(hex) > 0.179 ? "#000" : "#fff");
}

/** Relative luminance (WCAG 2.2); at 0.179 black and white are equally readable. */
function luminance(hex) {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function support({ support_url: url, support_email: email }) {
  const target = url ? webUrl(url) : email ? `mailto:${encodeURIComponent(email).replace("%40", "@")}` : null;
  if (target) {
    fill(byId("support"), "Questions? ", make("a", { href: target, rel: "noopener" }, email || "Get help"), ".");
  }
}

/** The URL if it is http or https, otherwise null. */
function webUrl(text) {
  try {
    const url = new URL(text);
    return ["https:", "http:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
