/** GET of a URL that a user has written, with what keeps it from being more than that. */
import { lookup as lookUp } from "node:dns";
import { request as requestHttp } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as requestHttps } from "node:https";
import { BlockList, isIP, isIPv6 } from "node:net";
import type { LookupFunction } from "node:net";
import { getCACertificates } from "node:tls";

export interface GetOptions {
  /** PEM, in place of those that Node and the system trust. */
  readonly authorities?: readonly string[];
  /** In place of the system's names. */
  readonly lookup?: LookupFunction;
}

/** As Go's client, which istiod asks with. (Go `net/http` client.go, defaultCheckRedirect) */
const MAX_REDIRECTS = 10;
/** A discovery document has 2 to 6 KiB. */
const MAX_BYTES = 256 * 1024;

/**
 * Addresses that nothing can be at that one may want to ask: those of this link, where machines in clouds ask for their own credentials, and
 * the others at which they do. (istio/istio `pkg/security/dial.go`) Loopback and private networks are where issuers of one's own are.
 */
const FORBIDDEN = new BlockList();
FORBIDDEN.addSubnet("169.254.0.0", 16, "ipv4");
FORBIDDEN.addSubnet("224.0.0.0", 24, "ipv4");
FORBIDDEN.addAddress("100.100.100.200", "ipv4");
FORBIDDEN.addSubnet("fe80::", 10, "ipv6");
FORBIDDEN.addSubnet("ff02::", 16, "ipv6");
FORBIDDEN.addSubnet("fd00:ec2::", 32, "ipv6");

/** The body of a 2xx answer. Rejects with the reason in words. */
export async function getDocument(text: string, signal: AbortSignal, options: GetOptions = {}): Promise<string> {
  let url = parse(text);
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    const response = await ask(url, signal, options);
    const { statusCode = 0, headers } = response;
    if (!isRedirect(statusCode) || headers.location === undefined) {
      const body = await bodyOf(response, url, signal);
      if (statusCode >= 200 && statusCode < 300) return body;
      throw new Error(`${url.href} answers with status ${statusCode}`);
    }
    response.destroy();
    const next = parse(headers.location, url);
    if (url.protocol === "https:" && next.protocol !== "https:")
      throw new Error(`${url.href} leads to ${next.href}, in plaintext`);
    url = next;
  }
  throw new Error(`${text} leads through more than ${MAX_REDIRECTS} redirects`);
}

function parse(text: string, base?: URL): URL {
  const url = URL.canParse(text, base?.href) ? new URL(text, base) : undefined;
  if (url === undefined || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new Error(`${text} is no URL of a web server`);
  }
  return url;
}

function isRedirect(status: number): boolean {
  return status === 301 || status === 302 || status === 303 || status === 307 || status === 308;
}

function ask(
  url: URL,
  signal: AbortSignal,
  { authorities, lookup = lookUp as LookupFunction }: GetOptions,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    if (isIP(host) !== 0 && isForbidden(host)) throw new Error(forbidden(host, host));
    const common = { signal, agent: false, headers: { accept: "application/json" }, lookup: guarded(lookup) } as const;
    const sent =
      url.protocol === "https:"
        ? requestHttps(url, { ...common, ca: [...(authorities ?? trusted())], minVersion: "TLSv1.2" })
        : requestHttp(url, common);
    sent.once("response", resolve);
    sent.once("error", (error) =>
      reject(new Error(`${url.href} cannot be asked: ${wordsOf(error, signal)}`, { cause: error })),
    );
    sent.end();
  });
}

async function bodyOf(response: IncomingMessage, { href }: URL, signal: AbortSignal): Promise<string> {
  let text = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response) {
      text += String(chunk);
      if (text.length > MAX_BYTES) break;
    }
  } catch (error) {
    throw new Error(`${href} does not answer: ${wordsOf(error, signal)}`, { cause: error });
  }
  if (text.length > MAX_BYTES) throw new Error(`${href} answers with more than ${MAX_BYTES} bytes`);
  return text;
}

function wordsOf(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return "no answer in time";
  return error instanceof Error ? error.message : String(error);
}

let known: readonly string[] | undefined;

/** Node's own, those of NODE_EXTRA_CA_CERTS, and the system's. */
function trusted(): readonly string[] {
  known ??= [...new Set([...getCACertificates("default"), ...getCACertificates("system")])];
  return known;
}

/** Looked at after names are resolved: a name may lead anywhere. */
function guarded(lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, options, (error, found, family) => {
      if (error !== null) {
        callback(error, found, family);
        return;
      }
      const addresses = typeof found === "string" ? [found] : found.map(({ address }) => address);
      const bad = addresses.find(isForbidden);
      if (bad === undefined) callback(null, found, family);
      else callback(new Error(forbidden(hostname, bad)), "", 0);
    });
  };
}

function isForbidden(address: string): boolean {
  return FORBIDDEN.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function forbidden(host: string, address: string): string {
  return `${host} is at ${address}, an address of this link or of a cloud's metadata, which is not asked`;
}
