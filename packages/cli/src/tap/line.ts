/** A request in one line. */
import type { KeptRequest, RequestEnd } from "@tulle/telemetry/records";
import { flagsInWords } from "@tulle/telemetry/response-flags";
import { style } from "../terminal/style.ts";
import type { TappedRequest } from "./pairs.ts";

const UNKNOWN: RequestEnd = { workload: "", service: "", namespace: "", version: "" };

export function lineOf({ source, destination }: TappedRequest): string {
  // The client's proxy knows of retries and of what never arrived.
  const told = source ?? destination!;
  const from = named(source?.source ?? destination?.source ?? UNKNOWN, told.downstreamRemote);
  const target = destination?.destination ?? source?.destination ?? UNKNOWN;
  const to = named(target, told.upstreamHost === "" ? told.authority : told.upstreamHost);
  const what = told.protocol === "TCP" ? "TCP" : `${told.method} ${told.path}`;
  const parts = [
    style.dim(new Date(told.startMs).toISOString().slice(11, 23)),
    `${from} ${style.dim("→")} ${to}`,
    shown(what, 100),
    status(told),
    `${Math.round(told.durationMs)} ms`,
  ];
  const why = reasons(source, destination);
  if (why !== "") parts.push(style.caution(why));
  return parts.join("  ");
}

/** `reviews v2`; who is not known by name is known by address. */
function named({ service, workload, version }: RequestEnd, otherwise: string): string {
  const name = service === "" ? workload : service;
  if (name === "") return otherwise === "" ? "?" : shown(otherwise, 60);
  return shown(version === "" ? name : `${name} ${version}`, 60);
}

function status({ protocol, status: code, grpcStatus, bytesReceived, bytesSent }: KeptRequest): string {
  if (protocol === "TCP") return `${bytesReceived} B in, ${bytesSent} B out`;
  const text = code === 0 ? "no answer" : grpcStatus === "" ? String(code) : `${code} grpc ${shown(grpcStatus, 8)}`;
  if (code === 0 || code >= 500) return style.bad(text);
  return code >= 400 || !["", "0"].includes(grpcStatus) ? style.caution(text) : style.good(text);
}

/** Of both ends, once each: what happened, why, and how often it was tried. */
function reasons(source: KeptRequest | undefined, destination: KeptRequest | undefined): string {
  const told = [source, destination].filter((request) => request !== undefined);
  const found = new Set<string>();
  for (const { flags, policy, status: code, transportFailure, details } of told) {
    if (flags !== "") found.add(`${flags}: ${flagsInWords(flags)}`);
    if (code === 403 && policy !== "") found.add(`denied by ${shown(policy, 100)}`);
    else if (code === 403 && details.startsWith("rbac_access_denied")) found.add(`denied: ${shown(details, 100)}`);
    if (transportFailure !== "") found.add(shown(transportFailure, 120));
  }
  if ((source?.attempts ?? 0) > 1) found.add(`${source!.attempts} attempts`);
  return shown([...found].join("; "), 400);
}

/** Texts are others' choice: nothing in them may move the cursor, or be longer than a line bears. */
function shown(text: string, length: number): string {
  // eslint-disable-next-line no-control-regex
  const plain = text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\u{fffd}");
  return plain.length <= length ? plain : `${plain.slice(0, length - 1)}…`;
}
