// The key of an earlier purchase.

import { post } from "./api.js";
import { brand } from "./brand.js";
import { busy, byId, fill, notice } from "./dom.js";
import { day } from "./format.js";
import { license } from "./license.js";
import { orders } from "./orders.js";

const form = byId("recover");
brand();
form.invoice_id.value = orders()[0]?.secret ?? "";

form.addEventListener("submit", (event) => {
  event.preventDefault();
  busy(byId("find"), find);
});

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
    const until = found.expires_at ? `Good until ${day(found.expires_at)}.` : "Good for ever.";
    fill(said, notice("good", "Here it is.", until), license(found, found.product));
    said.focus();
  } catch (refusal) {
    const text =
      refusal.status === 404
        ? "No license was found for this order and address. Both must be as they were given with the order."
        : refusal.message;
    fill(said, notice("bad", text));
  }
}
