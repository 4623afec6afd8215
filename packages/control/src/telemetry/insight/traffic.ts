/** Istio's standard metrics, put together to what each workload sends to each other one. */
import {
  PROBES_EXPOSED,
  REQUEST_BYTES,
  REQUEST_DURATION,
  REQUEST_MESSAGES_TOTAL,
  REQUESTS_TOTAL,
  RESPONSE_BYTES,
  RESPONSE_MESSAGES_TOTAL,
  TCP_CONNECTIONS_CLOSED_TOTAL,
  TCP_CONNECTIONS_OPENED_TOTAL,
  TCP_RECEIVED_BYTES_TOTAL,
  TCP_SENT_BYTES_TOTAL,
} from "@tulle/telemetry";
import type { Labels } from "@tulle/telemetry/records";
import type { GrownSeries, GrowthSource } from "./increase.ts";
import { increases } from "./increase.ts";
import type { Destination, EndPoint, SideCounts } from "./traffic-cell.ts";
import { increment, known, TrafficCell } from "./traffic-cell.ts";

const DURATION_BUCKET = `${REQUEST_DURATION.name}_bucket`;

type Fold = (side: SideCounts, slot: Slot, value: number) => void;

/** What each metric adds to. */
const FOLDS: Readonly<Record<string, Fold>> = {
  [REQUESTS_TOTAL.name]: addRequests,
  [DURATION_BUCKET]: (side, slot, value) => requestsOf(side, slot).duration.bucket(slot.le, value),
  [`${REQUEST_DURATION.name}_sum`]: (side, slot, value) => {
    requestsOf(side, slot).duration.sum += value;
    if (slot.isDelayed) side.delayed.sum += value;
  },
  [`${REQUEST_DURATION.name}_count`]: (side, slot, value) => {
    requestsOf(side, slot).duration.count += value;
    if (slot.isDelayed) side.delayed.count += value;
  },
  [`${REQUEST_BYTES.name}_sum`]: (side, slot, value) => void (requestsOf(side, slot).requestBytes += value),
  [`${RESPONSE_BYTES.name}_sum`]: (side, slot, value) => void (requestsOf(side, slot).responseBytes += value),
  [REQUEST_MESSAGES_TOTAL.name]: (side, _, value) => void (side.requestMessages += value),
  [RESPONSE_MESSAGES_TOTAL.name]: (side, _, value) => void (side.responseMessages += value),
  [TCP_SENT_BYTES_TOTAL.name]: (side, _, value) => void (side.sentBytes += value),
  [TCP_RECEIVED_BYTES_TOTAL.name]: (side, _, value) => void (side.receivedBytes += value),
  [TCP_CONNECTIONS_OPENED_TOTAL.name]: (side, { labels }, value) => {
    side.opened += value;
    addSecurity(side, labels, value);
  },
  [TCP_CONNECTIONS_CLOSED_TOTAL.name]: (side, _, value) => void (side.closed += value),
};

const NAMES = [...Object.keys(FOLDS), PROBES_EXPOSED];

export interface CountedTraffic {
  readonly cells: readonly TrafficCell[];
  /** Copies of requests, which are in none of these. */
  readonly copies: readonly TrafficCell[];
  /** Requests of health checks, which are in none of them. */
  readonly probes: number;
  /** From when on it was counted. */
  readonly sinceMs: number;
}

/** Everything that was sent in (fromMs, toMs]. */
export function trafficBetween(source: GrowthSource, fromMs: number, toMs: number): CountedTraffic {
  const cells = new Map<string, TrafficCell>();
  const empty: Slot[] = [];
  let probes = 0;
  round++;
  const sinceMs = increases(source, NAMES, fromMs, toMs, slotOf, (slot, value) => {
    if (slot.isProbes) probes += value;
    else if (value !== 0) {
      const { place } = slot;
      if (place.round !== round) {
        place.round = round;
        place.cell = cells.get(place.key);
        if (place.cell === undefined) cells.set(place.key, (place.cell = new TrafficCell(place.from, place.to)));
      }
      const cell = place.cell!;
      slot.add(slot.isSource ? cell.source : cell.destination, slot, value);
      cell.sourcePrincipal ||= slot.sourcePrincipal;
      cell.destinationPrincipal ||= slot.destinationPrincipal;
    } else if (slot.isBucket) empty.push(slot);
  });
  // Where a histogram has counted, its empty buckets say what it was not.
  for (const slot of empty) {
    const { place, isSource } = slot;
    const cell = place.round === round ? place.cell : cells.get(place.key);
    if (cell !== undefined) slot.add(isSource ? cell.source : cell.destination, slot, 0);
  }
  return { ...copiesApart([...cells.values()]), probes, sinceMs };
}

/** What a proxy mirrors it does not count, though it counts what it sends otherwise; whoever gets it does. (Istio: the same) */
function copiesApart(cells: readonly TrafficCell[]): Pick<CountedTraffic, "cells" | "copies"> {
  const counting = new Set<string>();
  for (const { from, source } of cells) if (!source.isEmpty) counting.add(`${from.namespace}/${from.workload}`);
  const isCopies = ({ from, source, destination }: TrafficCell): boolean =>
    from.workload !== "" &&
    source.isEmpty &&
    destination.requests > 0 &&
    counting.has(`${from.namespace}/${from.workload}`);
  if (!cells.some(isCopies)) return { cells, copies: [] };
  return { cells: cells.filter((cell) => !isCopies(cell)), copies: cells.filter(isCopies) };
}

/** From whom to whom, as all series of a call have it; the cell is that of the round that asked last. */
interface Place {
  readonly key: string;
  readonly from: EndPoint;
  readonly to: Destination;
  round: number;
  cell: TrafficCell | undefined;
}

let round = 0;
/** So that the series of a call share one. Of what is forgotten here there may be two, which are put together by their key. */
const places = new Map<string, Place>();
const MAX_PLACES = 20_000;

function placeOf(from: EndPoint, to: Destination): Place {
  const key = [...Object.values(from), ...Object.values(to)].join("\n");
  let place = places.get(key);
  if (place === undefined) {
    if (places.size >= MAX_PLACES) places.clear();
    places.set(key, (place = { key, from, to, round: 0, cell: undefined }));
  }
  return place;
}

/** What is found out once of each series. */
interface Slot {
  readonly labels: Labels;
  readonly place: Place;
  readonly isSource: boolean;
  readonly isBucket: boolean;
  readonly isProbes: boolean;
  readonly isGrpc: boolean;
  /** A fault filter has delayed it. (Envoy's flag `DI`) */
  readonly isDelayed: boolean;
  /** Of a bucket. */
  readonly le: number;
  /** The workload that has counted. */
  readonly reporter: string;
  readonly add: Fold;
  readonly sourcePrincipal: string;
  readonly destinationPrincipal: string;
}

function slotOf(series: GrownSeries): Slot | undefined {
  const slot = (series.memo ??= newSlot(series.labels) ?? UNWANTED);
  return slot === UNWANTED ? undefined : (slot as Slot);
}

const UNWANTED = Symbol("unwanted");

function newSlot(labels: Labels): Slot | null {
  const name = labels["__name__"] ?? "";
  const isProbes = name === PROBES_EXPOSED;
  const add = Object.hasOwn(FOLDS, name) ? FOLDS[name] : isProbes ? nothing : undefined;
  const from = endPoint(labels, "source");
  const to: Destination = {
    ...endPoint(labels, "destination"),
    service: known(labels, "destination_service_name"),
    serviceNamespace: known(labels, "destination_service_namespace"),
    host: known(labels, "destination_service"),
  };
  const isBucket = name === DURATION_BUCKET;
  const le = labels["le"] === "+Inf" ? Infinity : Number(labels["le"]);
  if (add === undefined || (!isProbes && isBad(from, to)) || (isBucket && Number.isNaN(le))) return null;
  const isSource = labels["reporter"] === "source";
  const own = isSource ? from : to;
  return {
    labels,
    place: placeOf(from, to),
    isSource,
    isBucket,
    isProbes,
    isGrpc: labels["request_protocol"] === "grpc",
    isDelayed: (labels["response_flags"] ?? "").split(",").includes("DI"),
    le,
    reporter: isProbes ? `probes of ${labels["instance"]}` : `${own.workload}/${own.namespace}`,
    add,
    sourcePrincipal: known(labels, "source_principal"),
    destinationPrincipal: known(labels, "destination_principal"),
  };
}

function nothing(): void {
  // Probes are in no cell.
}

const LATEST = "latest";

function endPoint(labels: Labels, side: "source" | "destination"): EndPoint {
  const workload = known(labels, `${side}_workload`);
  const app = known(labels, `${side}_canonical_service`) || known(labels, `${side}_app`);
  const revision = known(labels, `${side}_version`) || known(labels, `${side}_canonical_revision`);
  return {
    namespace: known(labels, `${side}_workload_namespace`),
    workload,
    app: app || workload,
    // What has no revision, or is unknown, is told to be of this one. (istio/proxy `istio_stats.cc`)
    version: workload === "" || revision === LATEST ? "" : revision,
  };
}

/** Kiali drops these as well: a namespace without anybody in it. (kiali graph/telemetry/istio/util `IsBadSourceTelemetry`) */
function isBad(from: EndPoint, to: Destination): boolean {
  if (from.namespace !== "" && from.workload === "" && from.app === "") return true;
  return to.workload === "" && to.service === "" && to.host === "";
}

function requestsOf(side: SideCounts, { isGrpc }: Slot): SideCounts["http"] {
  return isGrpc ? side.grpc : side.http;
}

function addRequests(side: SideCounts, slot: Slot, value: number): void {
  const { labels } = slot;
  const counts = requestsOf(side, slot);
  const code = labels["response_code"] ?? "";
  const grpc = slot.isGrpc ? (labels["grpc_response_status"] ?? "") : "";
  counts.requests += value;
  const isGrpcError = grpc !== "" && grpc !== "0";
  const name = isGrpcError ? `grpc-${grpc}` : code === "0" || code === "" ? "-" : code;
  increment(counts.byCode, name, value);
  if (isGrpcError || name === "-" || code.startsWith("5")) counts.failed += value;
  else if (code.startsWith("4")) counts.clientErrors += value;
  const flags = labels["response_flags"] ?? "-";
  if (flags !== "-" && flags !== "") increment(counts.byFlags, flags, value);
  addSecurity(side, labels, value);
}

function addSecurity(side: SideCounts, labels: Labels, value: number): void {
  const policy = labels["connection_security_policy"];
  if (policy === "mutual_tls") side.mutualTls += value;
  else if (policy === "none") side.plain += value;
}
