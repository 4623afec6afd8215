/** The string formats that fields of mesh kinds have, each with the words an error uses for it. */
import { isIP, isIPv4, isIPv6 } from "../address.ts";
import type { Format } from "./format.ts";

const LABEL = /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/;
const LOWER_LABEL = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
/** First label of a wildcard host: `*`, `*-x` or `*x` (Istio `pkg/config/labels`, wildcard DNS-1123 label). */
const WILDCARD_LABEL = /^(?:\*|\*?-?[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?)$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const LABEL_NAME = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;

function isOneLine(value: string): boolean {
  return !/[\r\n\0]/.test(value);
}

export function isDnsLabel(value: string): boolean {
  return value.length <= 63 && LOWER_LABEL.test(value);
}

/** A label in any case, as Istio takes for subsets, ports and gateways (`pkg/config/labels`, IsDNS1123Label). */
export function isLabel(value: string): boolean {
  return value.length <= 63 && LABEL.test(value);
}

/** Fully qualified or short DNS name without wildcard, any case (RFC 1123); not what looks like an IPv4 address. */
export function isFqdn(value: string): boolean {
  if (value.length === 0 || value.length > 255) return false;
  return areLabels((value.endsWith(".") ? value.slice(0, -1) : value).split("."));
}

function areLabels(labels: readonly string[]): boolean {
  const last = labels.at(-1)!;
  if (labels.length > 1 && /^\d+$/.test(last)) return false;
  return labels.every((label) => label.length <= 63 && LABEL.test(label));
}

/** DNS name whose first label may be a wildcard: `*`, `*.example.com`, `*-api.example.com`. */
export function isWildcardHost(value: string): boolean {
  if (value.length === 0 || value.length > 255) return false;
  const [first, ...rest] = (value.endsWith(".") && value !== "." ? value.slice(0, -1) : value).split(".");
  if (first === undefined || first.length > 63 || !WILDCARD_LABEL.test(first) || first.startsWith("-")) return false;
  return rest.length === 0 || areLabels(["a", ...rest]);
}

/** The SNI that AUTO_PASSTHROUGH gateways route by: `outbound_.<port>_.<subset>_.<host>`. */
const ENCODED_SNI = /^outbound_\.(?:\d+)_\.[^.]*_\.(.+)$/;

function isCidr(value: string): boolean {
  const slash = value.indexOf("/");
  if (slash < 0) return false;
  const bits = value.slice(slash + 1);
  if (!/^\d{1,3}$/.test(bits)) return false;
  const address = value.slice(0, slash);
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}

function isLabelKey(value: string): boolean {
  const slash = value.indexOf("/");
  const name = slash < 0 ? value : value.slice(slash + 1);
  if (name.length > 63 || !LABEL_NAME.test(name)) return false;
  return slash < 0 || isDnsSubdomain(value.slice(0, slash));
}

function isDnsSubdomain(value: string): boolean {
  return value.length <= 253 && value.split(".").every((label) => label.length > 0 && LOWER_LABEL.test(label));
}

function isUrl(value: string): boolean {
  return /^https?:\/\/[^\s/?#]+/i.test(value) && URL.canParse(value);
}

export const nonEmpty: Format = { expected: "a non-empty string", accepts: (value) => value.length > 0 };
export const dnsLabel: Format = {
  expected: "a DNS label (lower-case letters, digits and '-', at most 63 characters)",
  accepts: isDnsLabel,
};
export const subsetName: Format = {
  expected: "a DNS label (letters, digits and '-', at most 63 characters)",
  accepts: isLabel,
};
export const dnsSubdomain: Format = {
  expected: "a DNS name (lower-case letters, digits, '-' and '.', at most 253 characters)",
  accepts: isDnsSubdomain,
};
export const pathSegmentName: Format = {
  expected: "a name without '/' and '%', at most 253 characters",
  accepts: (value) => value.length > 0 && value.length <= 253 && value !== "." && value !== ".." && !/[/%]/.test(value),
};
export const fqdn: Format = { expected: "a DNS name without wildcard", accepts: isFqdn };
export const hostOrAddress: Format = {
  expected: "a DNS name without wildcard or an IP address",
  accepts: (value) => isFqdn(value) || isIP(value),
};
export const wildcardHost: Format = {
  expected: "a DNS name, with '*' only as or at the start of its first label",
  accepts: isWildcardHost,
};
const wildcardHostOrAddress: Format = {
  expected: "a DNS name (with '*' only as or at the start of its first label) or an IP address",
  accepts: (value) => isWildcardHost(value) || isIP(value),
};
/** Hosts of a VirtualService and its SNI hosts. */
export const routeHost: Format = {
  expected: wildcardHostOrAddress.expected,
  accepts: (value) => wildcardHostOrAddress.accepts(value) || isFqdn(ENCODED_SNI.exec(value)?.[1] ?? ""),
};
/** A route's destination: a name in the registry, which may be a wildcard ServiceEntry's. */
export const destinationHost: Format = {
  expected: "a DNS name of a service",
  accepts: (value) => value !== "*" && isWildcardHost(value),
};
/** Gateway API Hostname: a precise name or one with the label `*` in front (lower case only, no IP address). */
export const gatewayHostname: Format = {
  expected: "a lower-case DNS name, optionally with '*.' in front",
  accepts: (value) => isDnsSubdomain(value.startsWith("*.") ? value.slice(2) : value) && !isIP(value),
};
export const ipOrCidr: Format = {
  expected: "an IP address or a CIDR block",
  accepts: (value) => isIP(value) || isCidr(value),
};
export const headerName: Format = {
  expected: "an HTTP header name",
  accepts: (value) => TOKEN.test(value) && value.length <= 256,
};
/** What Envoy lets go into a head (`validate.rules` of `HTTP_HEADER_VALUE`, not strict): anything else would make proxies refuse the route. */
export const oneLine: Format = { expected: "a text without line ends and NUL", accepts: isOneLine };
/** Envoy `HeaderValue.value`. */
export const MAX_HEADER_VALUE_BYTES = 16_384;
export const headerValue: Format = {
  expected: `a header value without line ends and NUL, at most ${MAX_HEADER_VALUE_BYTES} bytes`,
  accepts: (value) => isOneLine(value) && Buffer.byteLength(value) <= MAX_HEADER_VALUE_BYTES,
};
/** Parts of a `set-cookie` that a proxy writes. */
export const cookieName: Format = {
  expected: "the name of a cookie, or of one of its attributes",
  accepts: (value) => TOKEN.test(value) && value.length <= MAX_HEADER_VALUE_BYTES,
};
export const cookieValue: Format = {
  expected: "a text without line ends, NUL and ';'",
  accepts: (value) => headerValue.accepts(value) && !value.includes(";"),
};
/** Envoy `UpstreamTlsContext.sni`. */
export const serverName: Format = {
  expected: "a server name of at most 255 bytes, without NUL",
  accepts: (value) => !value.includes("\0") && Buffer.byteLength(value) <= 255,
};
/** Keys of header maps: a header name, a pseudo header such as `:authority`, or `@request.auth.claims…`. */
export const headerKey: Format = {
  expected: "an HTTP header name",
  accepts: (value) => value.startsWith("@") || TOKEN.test(value.startsWith(":") ? value.slice(1) : value),
};
/** Header names in CORS lists, where `*` means all. */
export const corsHeaderName: Format = {
  expected: "an HTTP header name or *",
  accepts: headerName.accepts,
};
export const httpUrl: Format = { expected: "an http:// or https:// URL", accepts: isUrl };
export const labelKey: Format = {
  expected: "a label key ([DNS name/]name of letters, digits, '-', '_' and '.')",
  accepts: isLabelKey,
};
export const labelValue: Format = {
  expected: "a label value (letters, digits, '-', '_' and '.', at most 63 characters)",
  accepts: (value) => value === "" || (value.length <= 63 && LABEL_NAME.test(value)),
};
export const portKey: Format = {
  expected: "a port number from 1 to 65535",
  accepts: (value) => /^[1-9]\d{0,4}$/.test(value) && Number(value) <= 65535,
};
/** GEP-2257 durations. */
export const gatewayDuration: Format = {
  expected: 'a duration such as "10s" or "1h30m" (units h, m, s, ms)',
  accepts: (value) => /^(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}$/.test(value),
};
