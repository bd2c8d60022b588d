// Creates elements. Texts become text nodes only, never markup.

export const byId = (id) => document.getElementById(id);

/** Creates an element from `name.class`; attributes `onevent` are listeners. */
export function make(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  element.classList.add(...classes);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true) {
      element.setAttribute(key, "");
    } else if (value !== false && value != null) {
      element.setAttribute(key, value);
    }
  }
  element.append(...children.filter((child) => child != null && child !== ""));
  return element;
}

export function fill(element, ...children) {
  element.replaceChildren(...children.filter((child) => child != null && child !== ""));
  return element;
}

/** A box with lines under a title; `bad` ones are announced at once. */
export function notice(kind, title, ...more) {
  const lines = more.filter(Boolean);
  return make(
    `div.notice.${kind}`,
    { role: kind === "bad" ? "alert" : null },
    make("p", {}, lines.length ? make("strong", {}, title) : title),
    ...lines.map((line) => (line instanceof Node ? line : make("p", {}, line))),
  );
}

/** A text with a button that copies it. */
export function secret(label, text) {
  const said = make("span.quiet", { role: "status" });
  const code = make("code", { tabindex: "0", "aria-label": label }, text);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      fill(said, "Copied");
    } catch {
      // Without permission, or over plain HTTP: select it for Ctrl+C.
      getSelection().selectAllChildren(code);
      fill(said, "Selected: press Ctrl+C or ⌘C");
    }
  };
  return make(
    "div.secret",
    {},
    code,
    make("button", { type: "button", onclick: copy, "aria-label": `Copy ${label}` }, "Copy"),
    said,
  );
}

/** Marks a button as busy while `work` runs; a second press does nothing. */
export async function busy(button, work) {
  if (button.getAttribute("aria-disabled") === "true") {
    return;
  }
  button.setAttribute("aria-disabled", "true");
  try {
    await work();
  } finally {
    button.removeAttribute("aria-disabled");
  }
}
