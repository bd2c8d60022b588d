// The key of an earlier order.

import { post } from "./api.js";
import { brand } from "./brand.js";
import { busy, byId, fill, notice } from "./dom.js";
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
    const found = await post("/v1/recover", {
      invoice_id: form.invoice_id.value.trim(),
      email: form.email.value.trim(),
    });
    const until = found.expires_at ? `It is valid until ${day(found.expires_at)}.` : "It never expires.";
    fill(said, notice("good", "Here is your key.", until), license(found, found.product));
    said.focus();
  } catch (refusal) {
    const text =
      refusal.status === 404
        ? "No license matches this order and e-mail address. Enter both exactly as in the order."
        : refusal.message;
    fill(said, notice("bad", text));
  }
}
