/** What is wrong with a configuration: collected, never thrown one at a time, so that a user sees all of it at once. */
import { NO_RUNTIME, type RuntimeValues } from "./runtime-values.ts";

export interface Problem {
  /** Where, as Envoy writes paths: `static_resources.listeners[0].filter_chains[0]`; "" is the whole. */
  readonly path: string;
  readonly message: string;
}

export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export function formatProblem(problem: Problem): string {
  return problem.path === "" ? problem.message : `${problem.path}: ${problem.message}`;
}

/** A place in a configuration, while it is compiled: knows its path, where problems go, and the runtime that may override values. */
export class Place {
  readonly path: string;
  readonly problems: Problem[];
  readonly runtime: RuntimeValues;

  constructor(path: string, problems: Problem[], runtime: RuntimeValues = NO_RUNTIME) {
    this.path = path;
    this.problems = problems;
    this.runtime = runtime;
  }

  field(name: string): Place {
    return new Place(this.path === "" ? name : `${this.path}.${name}`, this.problems, this.runtime);
  }

  item(name: string, index: number): Place {
    return this.field(`${name}[${index}]`);
  }

  /** The message packed in an Any field: `typed_config(type.googleapis.com/…)`. */
  packed(name: string, typeUrl: string): Place {
    return this.field(`${name}(${typeUrl})`);
  }

  refuse(message: string): void {
    this.problems.push({ path: this.path, message });
  }
}

/** Throws if anything was refused. */
export function throwProblems(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConfigError(problems);
}
