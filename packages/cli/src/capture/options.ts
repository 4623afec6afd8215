/** Options that say what is captured: letters and meaning are those of `istio-iptables`. */
import { isIP } from "node:net";
import { UsageError } from "../errors.ts";
import type { OptionTable, OptionValues } from "../options.ts";
import type { Family } from "./rule.ts";
import type { CaptureRuleOptions } from "./rules.ts";

/** What users of a captured program choose. */
export const selectionOptions = {
  "inbound-ports": {
    type: "string",
    value: "PORTS",
    default: "*",
    help: 'inbound ports to capture, "*" for all, "" for none',
  },
  "exclude-inbound-ports": {
    type: "string",
    value: "PORTS",
    default: "15090,15021,15020",
    help: "inbound ports that stay out",
  },
  "outbound-cidrs": {
    type: "string",
    value: "CIDRS",
    default: "*",
    help: 'addresses to capture connections to, "*" for all, "" for none',
  },
  "exclude-outbound-cidrs": {
    type: "string",
    value: "CIDRS",
    default: "",
    help: "addresses that stay out",
  },
  "outbound-ports": {
    type: "string",
    value: "PORTS",
    default: "",
    help: "outbound ports to capture whatever the address",
  },
  "exclude-outbound-ports": {
    type: "string",
    value: "PORTS",
    default: "",
    help: "outbound ports that stay out",
  },
} as const satisfies OptionTable;

type Selection = OptionValues<typeof selectionOptions>;

export type SelectedRules = Pick<
  CaptureRuleOptions,
  | "inboundPorts"
  | "excludedInboundPorts"
  | "outboundCidrs"
  | "excludedOutboundCidrs"
  | "outboundPorts"
  | "excludedOutboundPorts"
>;

/** Throws a UsageError that names the option. */
export function readSelection(options: Selection): SelectedRules {
  const [inbound, outbound] = [options["inbound-ports"], options["outbound-cidrs"]];
  return {
    inboundPorts: inbound === "*" ? "*" : parsePorts("--inbound-ports", inbound),
    excludedInboundPorts: parsePorts("--exclude-inbound-ports", options["exclude-inbound-ports"]),
    outboundCidrs: outbound === "*" ? "*" : parseCidrs("--outbound-cidrs", outbound),
    excludedOutboundCidrs: parseCidrs("--exclude-outbound-cidrs", options["exclude-outbound-cidrs"]),
    outboundPorts: parsePorts("--outbound-ports", options["outbound-ports"]),
    excludedOutboundPorts: parsePorts("--exclude-outbound-ports", options["exclude-outbound-ports"]),
  };
}

/** Items between commas; empty ones do not count. */
function parseList(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function parsePorts(option: string, text: string): readonly number[] {
  return parseNumbers(option, text, 1, 65_535, "a port");
}

export function parseIds(option: string, text: string): readonly number[] {
  return parseNumbers(option, text, 0, 0xffff_fffe, "a numeric id");
}

function parseNumbers(option: string, text: string, min: number, max: number, what: string): readonly number[] {
  return parseList(text).map((item) => {
    const number = /^\d+$/.test(item) ? Number(item) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new UsageError(`${option} ${text}: ${item} is not ${what}`, ["Numbers, with commas between them."]);
  });
}

function parseCidrs(option: string, text: string): readonly string[] {
  return parseList(text).map((item) => {
    const [address = "", bits, ...rest] = item.split("/");
    const version = isIP(address);
    const length = bits === undefined ? (version === 6 ? 128 : 32) : /^\d{1,3}$/.test(bits) ? Number(bits) : 129;
    if (version !== 0 && length <= (version === 6 ? 128 : 32) && rest.length === 0) return `${address}/${length}`;
    throw new UsageError(`${option} ${text}: ${item} is not a block of addresses`, [
      "Such as 10.0.0.0/8 or fd00::/8, with commas between them.",
    ]);
  });
}

/** A name that iptables and nft take, and that ends no line of theirs. */
export function parseInterfaces(option: string, text: string): readonly string[] {
  return parseList(text).map((item) => {
    if (/^[\w.@:-]{1,15}\+?$/.test(item)) return item;
    throw new UsageError(`${option} ${text}: ${item} is not the name of a network interface`);
  });
}

export const BOTH_FAMILIES: readonly Family[] = [4, 6];
export const ONLY_IPV4: readonly Family[] = [4];
