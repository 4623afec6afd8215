/** Every resource that configuration brought, as it came: what `/config_dump` shows. Kept encoded, because that is smallest. */

export interface ConfigRecord {
  readonly name: string;
  /** Version of the resource; "" for static ones. */
  readonly version: string;
  /** The encoded message. */
  readonly value: Uint8Array;
  readonly updatedMs: number;
  readonly dynamic: boolean;
}

/** The last update of a resource that was refused. */
export interface ConfigFailure {
  readonly version: string;
  readonly details: string;
  readonly atMs: number;
}

/** All resources of one type. */
export class ConfigRecords {
  private readonly records = new Map<string, ConfigRecord>();
  private readonly failures = new Map<string, ConfigFailure>();

  set(record: ConfigRecord): void {
    this.records.set(record.name, record);
    this.failures.delete(record.name);
  }

  get(name: string): ConfigRecord | undefined {
    return this.records.get(name);
  }

  fail(name: string, failure: ConfigFailure): void {
    this.failures.set(name, failure);
  }

  delete(name: string): void {
    this.records.delete(name);
    this.failures.delete(name);
  }

  all(): Iterable<ConfigRecord> {
    return this.records.values();
  }

  failure(name: string): ConfigFailure | undefined {
    return this.failures.get(name);
  }

  /** Refused resources that have no accepted version. */
  failedOnly(): Iterable<[name: string, failure: ConfigFailure]> {
    return [...this.failures].filter(([name]) => !this.records.has(name));
  }
}
