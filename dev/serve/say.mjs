// Progress for people, on stderr; stdout is for a script's results.

let quiet = false;

/** Silences `say`, but not `warn`. */
export function setQuiet(value) {
  quiet = value;
}

export function say(...words) {
  if (!quiet) console.error('[dev]', ...words);
}

export function warn(...words) {
  console.error('[dev] warning:', ...words);
}

/** A failure whose message suffices, printed without a stack. */
export class Failure extends Error {}
