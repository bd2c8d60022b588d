// Progress for people, on stderr; a script's stdout stays for what it prints on demand.

let quiet = false;

/** Silences `say`; `warn` still speaks. */
export function setQuiet(value) {
  quiet = value;
}

export function say(...words) {
  if (!quiet) console.error('[dev]', ...words);
}

export function warn(...words) {
  console.error('[dev] warning:', ...words);
}

/** A failure whose message is all that the user needs: printed without a stack. */
export class Failure extends Error {}
