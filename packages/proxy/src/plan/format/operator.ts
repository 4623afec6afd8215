import { jsonString } from "./json-text.ts";
import type { StreamInfo } from "./stream-info.ts";

/** A command, compiled: what stands in its place for a stream. */
export interface Operator {
  /** Undefined: there is nothing to say, which shows as `-`, or not at all. */
  text(stream: StreamInfo): string | undefined;
  /** A JSON value as text; undefined for null. */
  json(stream: StreamInfo): string | undefined;
}

/** What an operator says. One that goes wrong says nothing: that costs what was to be said, not the request. */
export function textFrom(operator: Operator, stream: StreamInfo): string | undefined {
  try {
    return operator.text(stream);
  } catch (error) {
    stream.reportBug(error);
    return undefined;
  }
}

export function jsonFrom(operator: Operator, stream: StreamInfo): string | undefined {
  try {
    return operator.json(stream);
  } catch (error) {
    stream.reportBug(error);
    return undefined;
  }
}

/** A text in JSON, too. */
export class TextOperator implements Operator {
  readonly text: (stream: StreamInfo) => string | undefined;

  constructor(read: (stream: StreamInfo) => string | undefined) {
    this.text = read;
  }

  json(stream: StreamInfo): string | undefined {
    const text = this.text(stream);
    return text === undefined ? undefined : jsonString(text);
  }
}

/** A whole number, in JSON, too. */
export class NumberOperator implements Operator {
  private readonly read: (stream: StreamInfo) => number | undefined;

  constructor(read: (stream: StreamInfo) => number | undefined) {
    this.read = read;
  }

  text(stream: StreamInfo): string | undefined {
    const value = this.read(stream);
    return value === undefined ? undefined : String(value);
  }

  json(stream: StreamInfo): string | undefined {
    return this.text(stream);
  }
}

/** A text known when the format is compiled. */
export class ConstantOperator implements Operator {
  private readonly value: string;

  constructor(value: string) {
    this.value = value;
  }

  text(): string {
    return this.value;
  }

  json(): string {
    return jsonString(this.value);
  }
}

/** @param length in bytes, null for no limit */
export function limited(read: (stream: StreamInfo) => string | undefined, length: number | null): Operator {
  return new TextOperator(length === null ? read : (stream) => read(stream)?.slice(0, length));
}
