/** Operators on addresses. Envoy writes `10.0.0.1:80`, `[::1]:80`, and a prefix as `10.0.0.0/8`. */
import { addressName, canonicalAddress, maskAddress } from "../../ip-address.ts";
import { NumberOperator, type Operator, TextOperator } from "./operator.ts";
import type { StreamInfo } from "./stream-info.ts";

/** One end of a connection. Texts are undefined where there is none. */
interface End {
  readonly name: (stream: StreamInfo) => string | undefined;
  readonly address: (stream: StreamInfo) => string | undefined;
  readonly port: (stream: StreamInfo) => number | undefined;
}

const LOCAL: End = {
  name: ({ connection }) => connection?.localName,
  address: ({ connection }) => connection?.localAddress,
  port: ({ connection }) => connection?.localPort,
};

const DIRECT_LOCAL: End = {
  name: ({ connection }) => connection?.directLocalName,
  address: ({ connection }) => connection?.directLocalAddress,
  port: ({ connection }) => connection?.directLocalPort,
};

const DIRECT_REMOTE: End = {
  name: ({ connection }) => connection?.directRemoteName,
  address: ({ connection }) => connection?.directRemoteAddress,
  port: ({ connection }) => connection?.directRemotePort,
};

/** An address out of x-forwarded-for has no port: Envoy shows 0. */
const REMOTE: End = {
  name: ({ request: { forwardedFor }, connection }) =>
    forwardedFor === "" ? connection?.remoteName : addressName(canonicalAddress(forwardedFor), 0),
  address: ({ request: { forwardedFor }, connection }) =>
    forwardedFor === "" ? connection?.remoteAddress : canonicalAddress(forwardedFor),
  port: ({ request: { forwardedFor }, connection }) => (forwardedFor === "" ? connection?.remotePort : 0),
};

const UPSTREAM_LOCAL: End = {
  name: ({ upstreamInfo }) => (upstreamInfo?.connected === true ? upstreamInfo.localName : undefined),
  address: ({ upstreamInfo }) => (upstreamInfo?.connected === true ? upstreamInfo.localAddress : undefined),
  port: ({ upstreamInfo }) => (upstreamInfo?.connected === true ? upstreamInfo.localPort : undefined),
};

const UPSTREAM_REMOTE: End = {
  name: ({ upstreamInfo, host }) => (upstreamInfo?.connected === true ? host?.name : undefined),
  address: ({ upstreamInfo, host }) => (upstreamInfo?.connected === true ? host?.address : undefined),
  port: ({ upstreamInfo, host }) => (upstreamInfo?.connected === true ? host?.port : undefined),
};

/** `%X_ADDRESS%`, `%X_ADDRESS_WITHOUT_PORT(PREFIX)%` and `%X_PORT%`. */
export interface AddressOperators {
  readonly address: Operator;
  readonly port: Operator;
  readonly withoutPort: (prefix: string) => Operator;
}

function operatorsOf({ name, address, port }: End): AddressOperators {
  return {
    address: new TextOperator(name),
    port: new NumberOperator(port),
    withoutPort: (prefix) => {
      if (!/^\d+$/.test(prefix)) return new TextOperator(address);
      const bits = Number(prefix);
      return new TextOperator((stream) => {
        const text = address(stream);
        return text === undefined ? undefined : maskAddress(text, bits);
      });
    },
  };
}

export const downstreamLocal = operatorsOf(LOCAL);
export const downstreamDirectLocal = operatorsOf(DIRECT_LOCAL);
export const downstreamDirectRemote = operatorsOf(DIRECT_REMOTE);
export const downstreamRemote = operatorsOf(REMOTE);
export const upstreamLocal = operatorsOf(UPSTREAM_LOCAL);
export const upstreamRemote = operatorsOf(UPSTREAM_REMOTE);

/** `%UPSTREAM_HOST%` and its kin: the host is known before there is a connection, and may move while there is one. */
export const upstreamHost = new TextOperator(({ host, upstreamInfo }) =>
  host !== null && upstreamInfo?.connected === true ? upstreamInfo.hostName : host?.name,
);
export const upstreamHostName = new TextOperator(({ host }) => nameOf(host));
export const upstreamHostNameWithoutPort = new TextOperator(({ host }) => withoutPort(nameOf(host)));
/** Of all attempts: Envoy 1.40 forgets the earlier ones, too, as each has an UpstreamInfo of its own. */
export const upstreamHostsAttempted = new TextOperator(UPSTREAM_REMOTE.name);
export const upstreamHostsAttemptedWithoutPort = new TextOperator(UPSTREAM_REMOTE.address);
export const upstreamHostNamesAttempted = new TextOperator(attemptedName);
export const upstreamHostNamesAttemptedWithoutPort = new TextOperator((stream) => withoutPort(attemptedName(stream)));

function nameOf(host: StreamInfo["host"]): string | undefined {
  return host === null || host.hostname !== "" ? host?.hostname : host.name;
}

function attemptedName({ upstreamInfo, host }: StreamInfo): string | undefined {
  return upstreamInfo?.connected === true ? nameOf(host) : undefined;
}

/** Envoy `Http::HeaderUtility::stripPortFromHost`. */
function withoutPort(host: string | undefined): string | undefined {
  const colon = host === undefined ? -1 : host.lastIndexOf(":");
  if (host === undefined || colon < 0 || colon < host.lastIndexOf("]")) return host;
  return /^\d+$/.test(host.slice(colon + 1)) ? host.slice(0, colon) : host;
}
