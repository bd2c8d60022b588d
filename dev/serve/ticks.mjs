// The ticks per minute of a platform's cron triggers, which local servers never fire.

import { warn } from './say.mjs';

/** Ticks one function once, through the route for hosts without triggers. */
export async function tick(baseUrl, token, name) {
  const response = await fetch(`${baseUrl}/v1/cron/${name}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(50_000),
  });
  const body = await response.text();
  if (!response.ok) throw new Error(`status ${response.status}: ${body.slice(0, 200)}`);
}

/**
 * Ticks every function at each full minute, as `* * * * *` would, until the
 * returned function is called. A failing tick is reported and does not stop the next
 * one. A tick that takes longer than a minute overlaps with the next, which is safe.
 */
export function startTicks({ baseUrl, token, names, periodMs = 60_000 }) {
  let timer;
  const schedule = () => {
    timer = setTimeout(fire, periodMs - (Date.now() % periodMs));
  };
  const fire = () => {
    for (const name of names) {
      tick(baseUrl, token, name).catch((error) => warn(`tick of ${name} failed: ${error.message}`));
    }
    schedule();
  };
  schedule();
  return () => clearTimeout(timer);
}
