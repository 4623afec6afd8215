/** Where a workload gets its identity: the control plane over TLS, how that is known, and by what right the workload joins. */
import { readFileSync } from "node:fs";
import { announced } from "../control-plane/locate.ts";
import { CliError, reason, UsageError } from "../errors.ts";
import { formatAddress, parseAddress } from "../options.ts";
import type { Address } from "../options.ts";

export interface Membership {
  readonly address: Address;
  /** Where the address is from, for error messages. */
  readonly from: string;
  /** File of the roots by which the control plane is known, PEM. */
  readonly rootsFile: string;
  /** The file is the control plane's own, and new when it is. */
  readonly rootsAreFresh: boolean;
  /** The control plane's socket, for workloads of its own user on its own machine. */
  readonly socket: string | undefined;
  /** A token of `tulle token create`. */
  readonly token: string | undefined;
}

export const membershipOptions = {
  "xds-tls": {
    type: "address",
    value: "HOST:PORT",
    help: "the control plane over TLS, which gives the workload its identity; else TULLE_XDS_TLS, the state directory's",
  },
  "token-file": {
    type: "string",
    value: "FILE",
    help: "a token of tulle token create, by which it joins; else TULLE_TOKEN; not needed beside the control plane",
  },
  "ca-roots": {
    type: "string",
    value: "FILE",
    help: "the roots by which the control plane is known (tulle ca show -o pem); else TULLE_CA_ROOTS, the state directory's",
  },
} as const;

export interface MembershipOptions {
  readonly xds?: Address | undefined;
  readonly "xds-tls": Address | undefined;
  readonly "token-file": string | undefined;
  readonly "ca-roots": string | undefined;
}

/**
 * Undefined: a workload without identity, which is what a control plane's plaintext address says, and what there is where no control
 * plane is known. Takes the token out of the environment: it is not for the programs that this process starts.
 */
export function findMembership(options: MembershipOptions, stateDir: string): Membership | undefined {
  const token = tokenOf(options["token-file"]);
  const here = announced(stateDir);
  const given = addressOf(options["xds-tls"]);
  if (given === undefined && (options.xds !== undefined || variable("TULLE_XDS") !== undefined)) {
    if (token === undefined) return undefined;
    throw new UsageError("a token is given, and a control plane in plaintext", [
      "Name the port that has TLS: --xds-tls HOST:PORT",
    ]);
  }
  const { address, from } = given ?? {
    address: here?.xdsTls === undefined ? undefined : parseAddress("control-plane.json", here.xdsTls),
    from: stateDir,
  };
  if (address === undefined) {
    if (token === undefined) return undefined;
    throw new UsageError("a token is given, and no control plane is known", [
      "Name it: --xds-tls HOST:PORT, or TULLE_XDS_TLS",
    ]);
  }
  const local = here?.xdsTls === formatAddress(address) ? here : undefined;
  const named = options["ca-roots"] ?? variable("TULLE_CA_ROOTS");
  const rootsFile = named ?? local?.roots;
  if (rootsFile === undefined) {
    throw new UsageError(
      `by what is the control plane at ${formatAddress(address)} to be known? --ca-roots FILE is missing`,
      ["Where it runs, this prints what the file needs: tulle ca show -o pem"],
    );
  }
  const socket = token === undefined ? local?.grpcSocket : undefined;
  if (token === undefined && socket === undefined) {
    throw new UsageError(
      `joining the mesh at ${formatAddress(address)} needs a token: --token-file FILE, or TULLE_TOKEN`,
      ["Where the control plane runs: tulle token create --service-account NS/NAME"],
    );
  }
  return { address, from, rootsFile, rootsAreFresh: named === undefined, socket, token };
}

/** The error for a workload that got no certificate. */
export function notJoined({ address, from, rootsFile, token }: Membership, account: string, why: string): CliError {
  const wayOut = (): string => {
    if (UNKNOWN_SERVER.test(why)) return `${rootsFile} is to be what this prints where it runs: tulle ca show -o pem`;
    if (token === undefined) return "Whether it runs: tulle ca show";
    return `A token, where the control plane runs: tulle token create --service-account ${account}`;
  };
  return new CliError(`no certificate from the control plane at ${formatAddress(address)} (from ${from}): ${why}`, [
    wayOut(),
    "More about it: --log-level info; more time: --wait SECONDS",
  ]);
}

/** OpenSSL's words and Node's for a server certificate that leads to none of the roots, or is for another name. */
const UNKNOWN_SERVER = /issuer certificate|self-signed certificate|unable to verify|altnames/;

function addressOf(given: Address | undefined): { address: Address; from: string } | undefined {
  if (given !== undefined) return { address: given, from: "--xds-tls" };
  const text = variable("TULLE_XDS_TLS");
  return text === undefined ? undefined : { address: parseAddress("TULLE_XDS_TLS", text), from: "TULLE_XDS_TLS" };
}

function tokenOf(file: string | undefined): string | undefined {
  const inherited = variable("TULLE_TOKEN");
  delete process.env["TULLE_TOKEN"];
  if (file === undefined) return inherited;
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CliError(`--token-file ${file}: ${reason(error)}`);
  }
}

function variable(name: string): string | undefined {
  const text = process.env[name];
  return text === "" ? undefined : text;
}
