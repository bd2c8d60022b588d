// A purchased license: its key, its downloads, how to check it offline.

import { get, path, post } from "./api.js";
import { busy, fill, make, notice, secret } from "./dom.js";
import { sentence, size } from "./format.js";
import { bestFirst, platformName, visitor } from "./platform.js";

/** Shows a license, with the downloads of the product of this slug. */
export function license(license, product) {
  const downloads = make("section", {});
  if (product) {
    offer(downloads, product, license);
  }
  return make(
    "div",
    {},
    make(
      "section.key",
      {},
      make("h2", {}, "Your license key"),
      make("p", {}, "Save this key now, then paste it into the app."),
      secret("license key", license.license_key),
    ),
    downloads,
    license.download_id && license.is_for_joomla ? site(license.download_id) : null,
    license.token ? token(license.token) : null,
    offline(),
  );
}

function site(id) {
  return make(
    "details",
    {},
    make("summary", {}, "Download key for a web site (Joomla)"),
    make("p", {}, "Enter it under System → Update Sites → Download Key. It can only be used for downloads."),
    secret("download key", id),
  );
}

function token(text) {
  return make(
    "details",
    {},
    make("summary", {}, "Download token for installers and build servers"),
    make("p", {}, "Send it as “Authorization: Bearer …” when downloading. Treat it like a password."),
    secret("download token", text),
  );
}

function offline() {
  return make(
    "details",
    {},
    make("summary", {}, "How the key is checked offline"),
    make(
      "p",
      {},
      "The key is signed. The app checks it on your machine against the vendor's public key, published at ",
      make("a", { href: "/v1/pubkey" }, "/v1/pubkey"),
      ". It needs a network only to activate a machine.",
    ),
  );
}

/** The newest files, the visitor's own platform first. */
async function offer(section, product, license) {
  let release;
  try {
    release = await newest(await get(path`/releases/${product}/channels/stable.json`), license);
  } catch {
    // Nothing is published, or the gate is down.
    return;
  }
  const files = bestFirst(release?.artifacts ?? [], await visitor());
  if (!files.length) {
    return;
  }
  const said = make("div", {});
  const own = files[0].score > 0;
  fill(
    section,
    make("h2", {}, `Download version ${release.version}`),
    make(
      "ul.downloads",
      {},
      ...files.map(({ file }, at) => make("li", {}, button(file, own && at === 0))),
    ),
    said,
  );

  function button(file, first) {
    const text = `${platformName(file.platform)}, ${size(file.size_bytes)}`;
    const press = ({ currentTarget }) => busy(currentTarget, () => download(file));
    return make(`button${first ? ".main-action" : ""}`, { type: "button", onclick: press }, text);
  }

  async function download(file) {
    fill(said);
    try {
      location.assign(await link(file));
    } catch (refusal) {
      fill(said, notice("bad", "The download did not start.", sentence(refusal.message)));
    }
  }

  // A browser sends no header with a link, so it needs a signed one.
  async function link(file) {
    const wanted = { product, version: release.version, platform: file.platform };
    try {
      return (await post("/v1/downloads/link", wanted, { authorization: `Bearer ${license.license_key}` })).url;
    } catch (refusal) {
      const open = path`/releases/${product}/${release.version}/${file.platform}`;
      if (refusal.status === 404 && (await fetch(open, { method: "HEAD" })).ok) {
        return open;
      }
      throw refusal;
    }
  }
}

async function newest({ latest, recent }, { license_key: key, entitlements: known }) {
  const releases = [latest, ...(recent ?? [])].filter(Boolean);
  const needs = releases.some((release) => release.requires_entitlement);
  const entitlements = known ?? (needs ? (await post("/v1/validate", { key })).entitlements : []) ?? [];
  return releases.find(({ requires_entitlement: needed }) => !needed || entitlements.includes(needed));
}
