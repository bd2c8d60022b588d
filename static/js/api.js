// Calls to the /v1 API of this instance.

/** An error that the API returned, with a message for people. */
export class Refusal extends Error {
  /** Status 0 means that no answer arrived. */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

const OFFLINE = "You are offline. Connect to the internet and try again.";
const UNREACHABLE = "The shop could not be reached. Try again in a moment.";
const SLOW = "The shop takes too long to answer. Try again in a moment.";
const BROKEN = "The shop sent an unexpected answer. Try again in a moment.";

/** Milliseconds after which a call counts as failed. */
const TIMEOUT = 20_000;

async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, {
      credentials: "omit",
      signal: AbortSignal.timeout(TIMEOUT),
      ...options,
      headers: { accept: "application/json", ...options.headers },
    });
  } catch (error) {
    // Only the browser knows whether it is the visitor's connection.
    const reason = error.name === "TimeoutError" ? SLOW : UNREACHABLE;
    throw new Refusal(0, "unreachable", navigator.onLine === false ? OFFLINE : reason);
  }
  const answer = await response.json().catch(() => null);
  if (!response.ok) {
    throw new Refusal(response.status, answer?.error ?? "unexpected", answer?.message ?? BROKEN);
  }
  if (answer === null) {
    throw new Refusal(response.status, "unexpected", BROKEN);
  }
  return answer;
}

export const get = (path, headers = {}) => call(path, { headers });

export const post = (path, body, headers = {}) =>
  call(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });

/** A path with escaped values: path`/v1/products/${slug}`. */
export function path(texts, ...values) {
  return texts.reduce((whole, text, at) => whole + encodeURIComponent(values[at - 1]) + text);
}
