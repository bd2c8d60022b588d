// The key of an earlier order.

import { post } from "./api.js";
import { brand } from "./brand.js";
import { busy, byId, fill, make, notice } from "./dom.js";
import { day } from "./format.js";
import { license } from "./license.js";
import { orders } from "./orders.js";

const form = byId("recover");
brand().then((shop) => (byId("by-mail").hidden = !shop?.recovers_by_mail));
form.invoice_id.value = orders()[0]?.secret ?? "";

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(byId("find"), find);
});

byId("mail").addEventListener("submit", (event) => {
  event.preventDefault();
  busy(byId("send"), send);
});

async function send() {
  const said = byId("message");
  try {
    await post("/v1/recover/mail", { email: byId("to").value });
    const text = "If licenses were bought with this address, a link arrives within minutes.";
    fill(said, notice("good", "Check your mailbox.", text));
    said.focus();
  } catch (refusal) {
    fill(said, notice("bad", refusal.message));
  }
}

async function find() {
  const said = byId("message");
  fill(said);
  for (const field of [form.invoice_id, form.email]) {
    field.setAttribute("aria-invalid", String(!field.checkValidity()));
  }
  const wrong = form.querySelector("[aria-invalid=true]");
  if (wrong) {
    fill(said, notice("bad", "Fill in both fields: the order's private code and its e-mail address."));
    wrong.focus();
    return;
  }
  try {
    const found = await post("/v1/recover", proof());
    const until = found.expires_at ? `It is valid until ${day(found.expires_at)}.` : "It never expires.";
    fill(said, notice("good", "Here is your key.", until), license(found, found.product), leaked());
    said.focus();
  } catch (refusal) {
    const text =
      refusal.status === 404
        ? "No license matches this order and e-mail address. Enter both exactly as in the order."
        : refusal.message;
    fill(said, notice("bad", text));
  }
}

const proof = () => ({ invoice_id: form.invoice_id.value.trim(), email: form.email.value.trim() });

function leaked() {
  const button = make("button", { type: "button", onclick: ({ currentTarget }) => busy(currentTarget, replace) }, "Replace this key");
  return make(
    "details",
    {},
    make("summary", {}, "Does somebody else have this key?"),
    make("p", {}, "Replace it. The old key stops working at once, in your own apps too, until you enter the new one."),
    button,
  );
}

async function replace() {
  const said = byId("message");
  try {
    const found = await post("/v1/licenses/replace-key", proof());
    fill(said, notice("good", "The key was replaced.", "The old one no longer works."), license(found, found.product));
  } catch (refusal) {
    fill(said, notice("bad", "The key was not replaced.", refusal.message));
  }
  said.focus();
}
