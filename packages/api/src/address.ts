/** IP address syntax without `node:net`: the package is pure and runs in a browser too. */

const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
const GROUP = /^[0-9a-fA-F]{1,4}$/;

export function isIPv4(text: string): boolean {
  return text.length <= 15 && IPV4.test(text);
}

/** RFC 4291 section 2.2 text forms, without zone. */
export function isIPv6(text: string): boolean {
  if (text.length < 2 || text.length > 45 || !text.includes(":")) return false;
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [position, part] of parts.entries()) {
      const last = index === halves.length - 1 && position === parts.length - 1;
      if (last && part.includes(".")) {
        if (!isIPv4(part)) return false;
        groups += 2;
      } else {
        if (!GROUP.test(part)) return false;
        groups += 1;
      }
    }
  }
  return halves.length === 2 ? groups <= 7 : groups === 8;
}

export function isIP(text: string): boolean {
  return isIPv4(text) || isIPv6(text);
}

/** A block with its bits behind the prefix cleared: `10.1.2.3/8` → `10.0.0.0/8`. An address by itself is a block of one; what is neither stays. */
export function maskedAddress(text: string): string {
  const [address = "", bits] = text.split("/");
  const isV6 = isIPv6(address);
  if (!isV6 && !isIPv4(address)) return text;
  const width = isV6 ? 16 : 8;
  const numbers = isV6 ? groupsOf(address) : address.split(".").map(Number);
  const length = bits === undefined ? numbers.length * width : Number(bits);
  const masked = numbers.map((number, index) => {
    const kept = Math.min(Math.max(length - index * width, 0), width);
    return number & ((2 ** width - 1) << (width - kept));
  });
  return `${isV6 ? masked.map((group) => group.toString(16)).join(":") : masked.join(".")}/${length}`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const [before, after] = [head, tail ?? ""].map((half) =>
    half
      .split(":")
      .filter((part) => part !== "")
      .flatMap((part) => {
        if (!part.includes(".")) return [Number.parseInt(part, 16)];
        const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
        return [(a << 8) | b, (c << 8) | d];
      }),
  ) as [number[], number[]];
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  return [...before, ...Array.from({ length: missing }, () => 0), ...after];
}
