/** What the control plane's API answers (`control/src/http/`), as far as the console reads it. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export interface MeshObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly creationTimestamp?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Json;
}

export type StatusType = "InForce" | "Shadowed" | "NotYetApplied" | "Ignored" | "Invalid";

export interface ObjectStatus {
  readonly type: StatusType;
  readonly field?: string;
  readonly message: string;
  readonly by?: string;
}

export interface ObjectItem {
  readonly object: MeshObject;
  readonly source: { readonly file: string; readonly line: number };
  readonly status: readonly ObjectStatus[];
}

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly code: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly field: string;
  readonly message: string;
  readonly expected?: string;
}

export interface DiagnosticsAnswer {
  readonly diagnostics: readonly Diagnostic[];
  /** Files that are not in force as they are on disk. */
  readonly files: readonly { readonly path: string; readonly inForce: string }[];
}

type SyncState = "SYNCED" | "STALE" | "NOT_SENT" | "ERROR" | (string & {});

export interface ProxyStatus {
  readonly id: string;
  readonly namespace: string;
  readonly workload: string;
  readonly type: string;
  readonly service?: string;
  readonly version?: string;
  readonly userAgent: string;
  readonly connectedSince: string;
  readonly address: string;
  readonly security: string;
  readonly identity?: string;
  readonly certificateExpires?: string;
  readonly protocol: string;
  readonly healthy?: boolean;
  readonly types: Readonly<
    Record<string, { readonly state: SyncState; readonly version?: string; readonly error?: string }>
  >;
}

export interface Workload {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly locality: string;
  readonly weight: number;
  readonly service?: string;
  readonly inbound: readonly { readonly port: number; readonly protocol: string; readonly appPort?: number }[];
  readonly mutualTls: boolean;
  readonly healthy: boolean;
  readonly healthMessage: string;
  readonly connected: boolean;
  readonly since: string;
}

export interface AuthorityCertificate {
  readonly id: string;
  readonly subject: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly sha256: string;
}

export interface AuthorityAnswer {
  readonly kind: string;
  readonly roots: readonly (AuthorityCertificate & { readonly signs: boolean; readonly certificates: number })[];
  readonly chain: readonly AuthorityCertificate[];
}

export interface RotationAnswer {
  readonly next?: string;
  readonly cutOff: readonly unknown[];
}

/** Envoy's `/config_dump`. */
export interface ConfigDump {
  readonly configs: readonly { readonly "@type": string; readonly [field: string]: Json }[];
}
