// The platform of a file, and of the visitor's machine.

const SYSTEMS = [
  ["windows", "Windows"],
  ["apple-darwin", "macOS"],
  ["apple-ios", "iOS"],
  ["android", "Android"],
  ["linux", "Linux"],
  ["freebsd", "FreeBSD"],
];

const PROCESSORS = [
  ["universal", "Intel and Apple silicon"],
  ["x86_64", "64-bit Intel/AMD"],
  ["i686", "32-bit"],
  ["i586", "32-bit"],
  ["aarch64", "ARM64"],
  ["armv7", "ARM 32-bit"],
  ["riscv64", "RISC-V"],
];

/** A Rust target triple in words: "Linux (64-bit Intel/AMD)". */
export function platformName(platform) {
  const [triple, bundle] = split(platform);
  if (triple === "any") {
    return bundle ? `All platforms (${bundle})` : "All platforms";
  }
  const system = SYSTEMS.find(([part]) => triple.includes(part))?.[1];
  if (!system) {
    return platform;
  }
  const processor = PROCESSORS.find(([part]) => triple.startsWith(part))?.[1];
  const libc = triple.includes("musl") ? ", static" : "";
  const kind = bundle ? `, ${bundle}` : "";
  return `${system} (${processor ?? triple.split("-")[0]}${libc}${kind})`;
}

function split(platform) {
  const from = platform.lastIndexOf("-") + 1;
  const dot = platform.indexOf(".", from);
  return dot < 0 ? [platform, ""] : [platform.slice(0, dot), platform.slice(dot + 1)];
}

/** The visitor's machine, as words to look for in a triple. */
export async function visitor() {
  const hints = navigator.userAgentData;
  if (hints) {
    const more = await hints
      .getHighEntropyValues(["architecture", "bitness"])
      .catch(() => ({}));
    const arm = more.architecture === "arm";
    const wide = more.bitness !== "32";
    return { system: system(hints.platform), processor: processor(arm, wide) };
  }
  const agent = navigator.userAgent;
  const arm = /aarch64|arm64|armv8/i.test(agent);
  return { system: system(agent), processor: processor(arm, !/i[3-6]86/.test(agent)) };
}

function system(text) {
  if (/android/i.test(text)) return "android";
  if (/iphone|ipad/i.test(text)) return "apple-ios";
  if (/win/i.test(text) && !/darwin/i.test(text)) return "windows";
  if (/mac/i.test(text)) return "apple-darwin";
  if (/linux|x11|chrome ?os/i.test(text)) return "linux";
  return "";
}

function processor(arm, wide) {
  if (arm) return wide ? "aarch64" : "armv7";
  return wide ? "x86_64" : "i686";
}

/** Best match first. Macs do not report their processor, so universal builds lead. */
export function bestFirst(files, machine) {
  const score = ({ platform }) => {
    const [triple, bundle] = split(platform);
    if (triple === "any") return 1;
    if (!machine.system || !triple.includes(machine.system)) return 0;
    if (machine.system === "linux" && triple.includes("android")) return 0;
    let points = 2;
    if (triple.startsWith(machine.processor)) points += 4;
    if (triple.startsWith("universal")) points += 5;
    if (!bundle) points += 1;
    return points;
  };
  return files
    .map((file) => ({ file, score: score(file) }))
    .sort((a, b) => b.score - a.score || a.file.platform.localeCompare(b.file.platform));
}
