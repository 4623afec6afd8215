/** One plain value to a checked object. */
import type { Path } from "../diagnostic.ts";
import type { KubeObject, ObjectMeta } from "../kinds/kubernetes/metadata.ts";
import type { KindInfo } from "../kinds/registry.ts";
import { check, UNSOUND } from "../schema/check.ts";
import type { Finding, Report } from "../schema/check.ts";
import { describeValue } from "../schema/describe.ts";
import type { ObjectSchema } from "../schema/schema.ts";
import { validate } from "../validate/validate.ts";
import { wholeObject } from "./metadata-schema.ts";
import { resolveKind } from "./resolve-kind.ts";

/** Namespace of a namespaced object that names none. */
export const DEFAULT_NAMESPACE = "default";

/** What a value calls itself, as far as it does: enough to say which object a diagnostic is about. */
export interface Identity {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface Checked {
  readonly identity: Identity;
  /** Paths are relative to the object. At most MAX_FINDINGS. */
  readonly findings: readonly Finding[];
  /** How many more there were. */
  readonly omitted: number;
  /** Absent if there was an error. */
  readonly object: KubeObject | undefined;
  readonly kindInfo: KindInfo | undefined;
}

const wholeSchemas = new WeakMap<KindInfo, ObjectSchema>();

function schemaOf(info: KindInfo): ObjectSchema {
  let schema = wholeSchemas.get(info);
  if (schema === undefined) {
    schema = wholeObject(info.body);
    wholeSchemas.set(info, schema);
  }
  return schema;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Findings that are kept of one object: nobody reads more, and hostile text would fill the memory with them. */
const MAX_FINDINGS = 1000;

class Findings {
  readonly list: Finding[] = [];
  omitted = 0;
  hasError = false;

  readonly report: Report = (finding) => {
    this.hasError ||= finding.severity === "error";
    if (this.list.length < MAX_FINDINGS) this.list.push(finding);
    else this.omitted++;
  };
}

export function checkObject(value: unknown): Checked {
  const findings = new Findings();
  const { report } = findings;
  const done = (identity: Identity, object?: KubeObject, kindInfo?: KindInfo): Checked => {
    const kept = findings.hasError ? undefined : object;
    return { identity, findings: findings.list, omitted: findings.omitted, object: kept, kindInfo };
  };

  if (!isObject(value)) {
    const message = `is ${describeValue(value)}`;
    const expected = "an object with apiVersion, kind and metadata";
    report({ severity: "error", code: "not-an-object", path: [], message, expected });
    return done({ kind: "", namespace: "", name: "" });
  }
  const { apiVersion, kind } = value;
  const named = [text(apiVersion, "apiVersion", report), text(kind, "kind", report)].every(Boolean);
  const resolved = named ? resolveKind(apiVersion as string, kind as string) : {};
  if (resolved.problem !== undefined) {
    const { field, ...problem } = resolved.problem;
    report({ ...problem, path: [field] });
  }
  const info = resolved.info;
  const identity = identify(value, info);
  if (info === undefined) return done(identity);
  if (!info.isReadByMesh) {
    // Not ours to judge; some are files of a tool rather than objects, and have no name.
    return identity.name === "" ? done(identity) : done(identity, withMetadata(value, identity), info);
  }

  const protoNames = info.group.endsWith(".istio.io");
  const normal = check(schemaOf(info), value, [], { report, protoNames });
  if (normal === UNSOUND || findings.omitted > 0) return done(identity);
  const object = withMetadata(normal as Fields, identity);
  validate(object, withoutConsequences(findings));
  return done(identity, object, info);
}

/** Rules may only complain because of what the schema left out next to the place: that is not worth telling. */
function withoutConsequences({ list, report }: Findings): Report {
  const refused = list.filter(({ severity }) => severity === "error");
  return (finding) => {
    const near = finding.path.slice(0, -1);
    const isConsequence = refused.some(({ path, leftOut }) =>
      leftOut === true ? startsWith(path, near) : path.length === finding.path.length && startsWith(path, finding.path),
    );
    if (!isConsequence) report(finding);
  };
}

function startsWith(path: Path, start: Path): boolean {
  return start.every((step, index) => path[index] === step);
}

function text(value: unknown, field: string, report: Report): boolean {
  if (typeof value === "string" && value !== "") return true;
  const missing = value === undefined || value === null;
  const expected = field === "kind" ? "a kind such as VirtualService" : "an API version such as networking.istio.io/v1";
  report({
    severity: "error",
    code: missing ? "required" : "wrong-type",
    path: [field],
    message: missing ? "is missing" : `is ${describeValue(value)}`,
    expected,
  });
  return false;
}

function identify(value: Fields, info: KindInfo | undefined): Identity {
  const metadata = isObject(value["metadata"]) ? value["metadata"] : {};
  const { name, namespace } = metadata;
  const given = typeof namespace === "string" && namespace !== "" ? namespace : DEFAULT_NAMESPACE;
  return {
    kind: typeof value["kind"] === "string" ? value["kind"] : "",
    namespace: info?.namespaced === false ? "" : given,
    name: typeof name === "string" ? name : "",
  };
}

function withMetadata(value: Fields, { namespace }: Identity): KubeObject {
  const given = value["metadata"] as Partial<ObjectMeta> & { readonly name: string };
  const metadata: ObjectMeta = {
    ...given,
    namespace,
    labels: given.labels ?? {},
    annotations: given.annotations ?? {},
  };
  return { ...(value as unknown as KubeObject), metadata };
}
