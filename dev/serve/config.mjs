// The configuration values that each function receives.

import { publicKeyOf } from './keys.mjs';
import { Failure } from './say.mjs';

/**
 * Every configuration value of an instance, before the functions get their parts.
 *
 * The environment has priority; the instance's own keys and address supply the rest. A
 * name that is set but empty counts as "not configured", to test a function without a
 * key.
 * @param {Iterable<string>} names the names that some function may receive
 * @returns {Map<string, string>}
 */
export function configuration(names, environment, keys, baseUrl) {
  const values = new Map();
  for (const name of names) {
    const value = environment[name] ?? keys[name] ?? defaults(name, baseUrl);
    if (value !== undefined) values.set(name, value);
  }
  // The verification key always matches the signing key, whatever its source.
  const signing = values.get('SIGNING_KEY');
  if (environment.VERIFY_KEYS === undefined && signing) {
    const raw = publicKeyOf(signing);
    if (raw) values.set('VERIFY_KEYS', raw.toString('hex'));
  }
  for (const [name, value] of values) {
    if (value === '') values.delete(name);
  }
  return values;
}

function defaults(name, baseUrl) {
  if (name === 'PUBLIC_URL') return baseUrl;
  if (name === 'OPERATOR_NAME') return 'Keywright on this machine';
  // A receiver of webhooks is on this machine too.
  if (name === 'WEBHOOK_PRIVATE') return '1';
  return undefined;
}

/**
 * The part of the configuration that one function may see.
 * @param {Set<string> | undefined} allowed its names; a function without an entry gets nothing
 */
export function shareOf(allowed, values) {
  return new Map([...values].filter(([name]) => allowed?.has(name)));
}

// How many origins of webhooks spin.toml has variables for.
const WEBHOOK_HOSTS = 5;

/**
 * The values under the names of Spin's application variables. Spin's list of allowed
 * hosts cannot contain a path, so the mail API and an RPC endpoint are two variables each
 * there, and the list of endpoints is three such pairs (see spin.toml). An entry of that
 * list is one origin, so those of webhooks are five variables.
 * @returns {Map<string, string>}
 */
export function spinVariables(values) {
  const variables = new Map(values);
  const hosts = listOf(variables.get('WEBHOOK_HOSTS'));
  variables.delete('WEBHOOK_HOSTS');
  if (hosts.length > WEBHOOK_HOSTS) {
    throw new Failure(`WEBHOOK_HOSTS has ${hosts.length} origins, and spin.toml has variables for ${WEBHOOK_HOSTS}`);
  }
  hosts.forEach((text, index) => variables.set(`WEBHOOK_HOST${index + 1}`, text.replace(/\/+$/, '')));
  const mail = variables.get('MAIL_URL');
  variables.delete('MAIL_URL');
  if (mail !== undefined) {
    const { origin, pathname, search } = new URL(mail);
    variables.set('MAIL_HOST', origin);
    variables.set('MAIL_PATH', `${pathname}${search}`);
  }
  const endpoints = variables.get('POLYGON_RPC_URLS');
  variables.delete('POLYGON_RPC_URLS');
  listOf(endpoints).forEach((text, index) => {
    const { origin, pathname, search } = new URL(text);
    // In Spin, no word of a name may begin with a digit: `url2`, not `url_2`.
    const ending = index === 0 ? '' : `${index + 1}`;
    variables.set(`POLYGON_RPC_URL${ending}`, origin);
    variables.set(`POLYGON_RPC_PATH${ending}`, `${pathname}${search}`);
  });
  return variables;
}

/** The parts of a list that is separated by commas. */
function listOf(text = '') {
  return text.split(',').map((part) => part.trim()).filter(Boolean);
}

/**
 * The values as a `.dev.vars` file. Each value is quoted with a character that it does
 * not contain, so that it stays literal.
 */
export function devVars(values) {
  const lines = [...values].map(([name, value]) => {
    const quote = ["'", '`', '"'].find((candidate) => !value.includes(candidate));
    if (quote === undefined || /[\r\n]/.test(value)) {
      throw new Error(`${name} cannot be handed to wrangler: it has a line break or every kind of quote`);
    }
    return `${name}=${quote}${value}${quote}`;
  });
  return lines.length > 0 ? `${lines.join('\n')}\n` : '';
}

/** The functions whose optional database is left out, as `WITHOUT_DATABASE=download`. */
export function withoutDatabase(environment = process.env) {
  return new Set((environment.WITHOUT_DATABASE ?? '').split(',').filter(Boolean));
}
