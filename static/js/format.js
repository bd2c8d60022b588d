// Amounts, times and sizes for people, in the visitor's language.

const number = new Intl.NumberFormat();

export function money(value, currency = "SAT") {
  if (value === 0) {
    return "Free";
  }
  if (currency === "SAT") {
    return `${number.format(value)} sats`;
  }
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(decimal(value, format.resolvedOptions().maximumFractionDigits));
}

/** Decimal text, so that no cent is lost to rounding. */
function decimal(value, places) {
  const digits = String(value).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  return places ? `${whole}.${digits.slice(-places)}` : whole;
}

const DAY = 86_400;

export function duration(seconds) {
  for (const [unit, name] of [
    [365 * DAY, "year"],
    [30 * DAY, "month"],
    [DAY, "day"],
    [3_600, "hour"],
    [60, "minute"],
  ]) {
    if (seconds % unit === 0) {
      const count = seconds / unit;
      return `${number.format(count)} ${name}${count === 1 ? "" : "s"}`;
    }
  }
  return `${number.format(seconds)} seconds`;
}

export function machines(count) {
  if (count === 0) {
    return "Unlimited machines";
  }
  return count === 1 ? "1 machine" : `${number.format(count)} machines`;
}

export function size(bytes) {
  const units = ["bytes", "KB", "MB", "GB"];
  let at = 0;
  while (bytes >= 1000 && at < units.length - 1) {
    bytes /= 1000;
    at += 1;
  }
  return `${new Intl.NumberFormat(undefined, { maximumFractionDigits: at ? 1 : 0 }).format(bytes)} ${units[at]}`;
}

export const day = (text) =>
  new Date(text).toLocaleDateString(undefined, { dateStyle: "long" });

/** A message of the API as a sentence of the page. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
