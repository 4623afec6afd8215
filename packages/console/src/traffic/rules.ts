/**
 * What rules do to traffic, and the wizards' changes to them. Pure: objects in, objects out; nothing that somebody wrote beside is touched.
 * A change edits the object that is there; only where there is none, one is made.
 */
import type { MeshObject } from "../api/types.ts";

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
}

/** Plain data that may be changed. */
export interface Fields {
  [name: string]: unknown;
}

interface Destination {
  readonly host: string;
  readonly subset?: string;
}

interface RouteDestination {
  readonly destination: Destination;
  readonly weight?: number;
}

export interface HttpRoute extends Fields {
  name?: string;
  match?: unknown[];
  route?: RouteDestination[];
  fault?: Fields;
  mirror?: Fields;
  mirrorPercentage?: Fields;
  mirrors?: Fields[];
  timeout?: string;
  retries?: Fields;
}

const NETWORKING = "networking.istio.io/v1";

/** `reviews`, `reviews.default`, `reviews.default.svc.cluster.local`, seen from an object's namespace. */
function meansService(host: string, from: string, { namespace, name }: ServiceName): boolean {
  const [first, second, third] = host.split(".");
  if (first !== name) return false;
  if (second === undefined) return from === namespace;
  return second === namespace && (third === undefined || third === "svc");
}

export function virtualServicesOf(objects: readonly MeshObject[], service: ServiceName): readonly MeshObject[] {
  return objects.filter(
    ({ kind, spec, metadata }) =>
      kind === "VirtualService" &&
      listOf(fieldsOf(spec)["hosts"]).some((host) => meansService(textOf(host), metadata.namespace, service)),
  );
}

export function destinationRuleOf(objects: readonly MeshObject[], service: ServiceName): MeshObject | undefined {
  return objects.find(
    ({ kind, spec, metadata }) =>
      kind === "DestinationRule" && meansService(textOf(fieldsOf(spec)["host"]), metadata.namespace, service),
  );
}

export interface SubsetInfo {
  readonly name: string;
  readonly version: string;
}

export function subsetsOf(rule: MeshObject | undefined): readonly SubsetInfo[] {
  return listOf(fieldsOf(rule?.spec)["subsets"]).map((one) => {
    const { name, labels } = fieldsOf(one);
    return { name: textOf(name), version: textOf(fieldsOf(labels)["version"]) };
  });
}

export function routesOf(rule: MeshObject | undefined): readonly HttpRoute[] {
  return listOf(fieldsOf(rule?.spec)["http"]) as readonly HttpRoute[];
}

/** The route of requests that no other takes: the one without conditions. */
export function defaultRouteIndex(routes: readonly HttpRoute[]): number {
  return routes.findIndex(({ match, route }) => (match === undefined || match.length === 0) && route !== undefined);
}

/** An edit of the objects of one service: what is there is copied before it is changed. */
export class RuleEdit {
  readonly #objects: readonly MeshObject[];
  readonly #service: ServiceName;
  #virtualService: Fields | undefined;
  #destinationRule: Fields | undefined;
  readonly #others: Fields[] = [];

  constructor(objects: readonly MeshObject[], service: ServiceName) {
    this.#objects = objects;
    this.#service = service;
  }

  /** What is to be applied, in the order in which it has to be there. */
  get result(): readonly Fields[] {
    return [this.#destinationRule, this.#virtualService, ...this.#others].filter((one) => one !== undefined);
  }

  /** Each version is a subset; those that are missing are added. */
  subsetFor(version: string): string {
    const rule = this.destinationRule();
    const spec = rule["spec"] as Fields;
    const subsets = (spec["subsets"] ??= []) as Fields[];
    const known = subsets.find(({ labels }) => fieldsOf(labels)["version"] === version);
    if (known !== undefined) return textOf(known["name"]);
    const name = uniqueName(version, subsets);
    subsets.push({ name, labels: { version } });
    return name;
  }

  destinationRule(): Fields {
    return (this.#destinationRule ??= copyOrMake(
      destinationRuleOf(this.#objects, this.#service),
      "DestinationRule",
      this.#service,
      { host: this.#service.name },
    ));
  }

  routes(): HttpRoute[] {
    this.#virtualService ??= copyOrMake(
      virtualServicesOf(this.#objects, this.#service)[0],
      "VirtualService",
      this.#service,
      {
        hosts: [this.#service.name],
      },
    );
    const spec = this.#virtualService["spec"] as Fields;
    return (spec["http"] ??= []) as HttpRoute[];
  }

  defaultRoute(): HttpRoute {
    const routes = this.routes();
    const known = routes[defaultRouteIndex(routes)];
    if (known !== undefined) return known;
    const made: HttpRoute = { route: [{ destination: { host: this.#service.name } }] };
    routes.push(made);
    return made;
  }

  add(object: Fields): void {
    this.#others.push(object);
  }

  get service(): ServiceName {
    return this.#service;
  }
}

function copyOrMake(
  existing: MeshObject | undefined,
  kind: string,
  { namespace, name }: ServiceName,
  spec: Fields,
): Fields {
  if (existing === undefined) return { apiVersion: NETWORKING, kind, metadata: { name, namespace }, spec };
  return withoutNoise(structuredClone(existing) as unknown as Fields);
}

/** What the control plane filled in, nobody wants to see written. */
function withoutNoise(object: Fields): Fields {
  const metadata = { ...fieldsOf(object["metadata"]) };
  delete metadata["creationTimestamp"];
  for (const name of ["labels", "annotations"]) {
    if (Object.keys(fieldsOf(metadata[name])).length === 0) delete metadata[name];
  }
  const { status: _, ...rest } = object;
  return { ...rest, metadata };
}

function uniqueName(version: string, subsets: readonly Fields[]): string {
  const base =
    version
      .toLowerCase()
      .replaceAll(/[^a-z0-9-]+/g, "-")
      .replaceAll(/^-+|-+$/g, "") || "version";
  let name = base;
  for (let number = 2; subsets.some((one) => one["name"] === name); number++) name = `${base}-${number}`;
  return name;
}

export function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Of what should be text and may be anything. */
export function textOf(value: unknown, otherwise = ""): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? String(value)
    : otherwise;
}
