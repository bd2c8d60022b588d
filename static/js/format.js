// Amounts, times and sizes for people, in the visitor's language.

const number = new Intl.NumberFormat();

export function money(value, currency = "SAT") {
  if (value === 0) {
    return "Free";
  }
  if (currency === "SAT") {
    return counted(value, "sat");
  }
  const format = new Intl.NumberFormat(undefined, { style: "currency", currency });
  return format.format(decimal(value, format.resolvedOptions().maximumFractionDigits));
}

/** "1 day", "2 days". */
export function counted(count, unit) {
  return `${number.format(count)} ${unit}${count === 1 ? "" : "s"}`;
}

/** "every day", "every 30 days": never months, because a period has so many days all year. */
export function every(days) {
  return days === 1 ? "every day" : `every ${days} days`;
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
      return counted(seconds / unit, name);
    }
  }
  return counted(seconds, "second");
}

export function machines(count) {
  if (count === 0) {
    return "Unlimited machines";
  }
  return counted(count, "machine");
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

/** The time until a moment, in milliseconds: "1:09:39", "9:05". */
export function countdown(milliseconds) {
  const left = Math.max(0, Math.ceil(milliseconds / 1000));
  const [hours, minutes, seconds] = [Math.floor(left / 3600), Math.floor(left / 60) % 60, left % 60];
  const two = (part) => String(part).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`;
}

/** The beginning of a text, up to a word's end. */
export function shortened(text, most = 160) {
  if (text.length <= most) {
    return text;
  }
  const cut = text.slice(0, most);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), most / 2)).trimEnd()}…`;
}

export const day = (text) =>
  new Date(text).toLocaleDateString(undefined, { dateStyle: "long" });

/** A message of the API as a sentence of the page. */
export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
