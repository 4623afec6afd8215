/** The wizards' forms. Each begins with what is in force. */
import { useEffect, useState } from "react";
import type { ReactNode } from "react";
import type { MeshObject } from "../api/types.ts";
import { Empty, Field, Segments, Select } from "../ui/basics.tsx";
import {
  defaultRouteIndex,
  destinationRuleOf,
  fieldsOf,
  routesOf,
  subsetsOf,
  virtualServicesOf,
  textOf,
} from "./rules.ts";
import type { Fields, HttpRoute, ServiceName } from "./rules.ts";
import { breaker, fault, mirror, rebalance, shift, timeout } from "./wizards.ts";
import type { BreakerForm, FaultForm, MirrorForm, TimeoutForm, VersionWeight } from "./wizards.ts";

type FormProperties = {
  readonly service: ServiceName;
  readonly objects: readonly MeshObject[];
  readonly versions: readonly string[];
  /** What the form says, as objects; undefined while it says nothing that could be applied. */
  readonly onChange: (result: readonly Fields[] | undefined) => void;
};

function currentRoute({ objects, service }: FormProperties): HttpRoute | undefined {
  const routes = routesOf(virtualServicesOf(objects, service)[0]);
  return routes[defaultRouteIndex(routes)];
}

/** Tells what the form says whenever it says something else. */
function useResult(
  onChange: FormProperties["onChange"],
  result: () => readonly Fields[] | undefined,
  values: unknown,
): void {
  const key = JSON.stringify(values);
  useEffect(() => onChange(result()), [key]);
}

function NoVersions(): ReactNode {
  return (
    <Empty title="This service has no versions">
      <p>Its workloads have no label version; start them with --version.</p>
    </Empty>
  );
}

export function ShiftFields(form: FormProperties): ReactNode {
  const { service, objects, versions, onChange } = form;
  const [weights, setWeights] = useState<readonly VersionWeight[]>(() => {
    const subsets = subsetsOf(destinationRuleOf(objects, service));
    const route = currentRoute(form)?.route ?? [];
    const known = versions.map((version) => {
      const subset = subsets.find((one) => one.version === version)?.name;
      const found = route.find(({ destination }) => destination.subset !== undefined && destination.subset === subset);
      return { version, weight: found === undefined ? 0 : (found.weight ?? (route.length === 1 ? 100 : 0)) };
    });
    if (known.some(({ weight }) => weight > 0)) return known;
    return rebalance(known, versions[0] ?? "", Math.ceil(100 / Math.max(1, versions.length)));
  });
  useResult(onChange, () => (versions.length === 0 ? undefined : shift(objects, service, weights)), weights);
  if (versions.length === 0) return <NoVersions />;
  return (
    <div className="weights" role="group" aria-label="Share of each version">
      {weights.map(({ version, weight }) => (
        <div key={version} style={{ display: "contents" }}>
          <strong id={`weight-${version}`}>{version}</strong>
          <input
            type="range"
            min={0}
            max={100}
            aria-labelledby={`weight-${version}`}
            value={weight}
            onChange={({ target }) => setWeights(rebalance(weights, version, Number(target.value)))}
          />
          <span className="labelled">
            <input
              type="number"
              className="input"
              min={0}
              max={100}
              aria-label={`Percent to ${version}`}
              value={weight}
              onChange={({ target }) => setWeights(rebalance(weights, version, Number(target.value)))}
            />
            %
          </span>
        </div>
      ))}
    </div>
  );
}

function NumberField({
  name,
  value,
  onChange,
  min = 0,
  max = 1_000_000,
  hint,
}: {
  readonly name: string;
  readonly value: number;
  readonly onChange: (value: number) => void;
  readonly min?: number;
  readonly max?: number;
  readonly hint?: string;
}): ReactNode {
  const wrong = value < min || value > max || !Number.isFinite(value) ? `from ${min} to ${max}` : undefined;
  return (
    <Field name={name} wrong={wrong} hint={hint}>
      <input
        type="number"
        className="input"
        min={min}
        max={max}
        value={Number.isFinite(value) ? value : ""}
        onChange={({ target }) => onChange(target.value === "" ? Number.NaN : Number(target.value))}
      />
    </Field>
  );
}

export function FaultFields(form: FormProperties): ReactNode {
  const { service, objects, versions, onChange } = form;
  const [values, setValues] = useState<FaultForm>({
    header: "x-user",
    value: "me",
    delayMs: 3000,
    delayPercent: 100,
    abortStatus: 0,
    abortPercent: 100,
    version: "",
  });
  const [all, setAll] = useState(false);
  const effective = all ? { ...values, header: "" } : values;
  const nothing = values.delayMs <= 0 && values.abortStatus <= 0;
  const unscoped = !all && values.header.trim() === "";
  useResult(onChange, () => (nothing || unscoped ? undefined : fault(objects, service, effective)), [
    effective,
    nothing,
    unscoped,
  ]);
  const set = (part: Partial<FaultForm>): void => setValues({ ...values, ...part });
  return (
    <>
      <Segments
        label="Which requests"
        value={all ? "all" : "header"}
        options={[
          { value: "header", name: "With my header" },
          { value: "all", name: "All requests" },
        ]}
        onChange={(value) => setAll(value === "all")}
      />
      {all ? (
        <p className="tone-warn">Everybody is concerned.</p>
      ) : (
        <div className="pair">
          <Field name="Header" wrong={unscoped ? "a name, so that only you are concerned" : undefined}>
            <input className="input" value={values.header} onChange={({ target }) => set({ header: target.value })} />
          </Field>
          <Field name="Value">
            <input className="input" value={values.value} onChange={({ target }) => set({ value: target.value })} />
          </Field>
        </div>
      )}
      {versions.length === 0 || all ? null : (
        <Field name="Version">
          <Select
            value={values.version}
            options={[
              { value: "", name: "As without the fault" },
              ...versions.map((one) => ({ value: one, name: one })),
            ]}
            onChange={({ target }) => set({ version: target.value })}
          />
        </Field>
      )}
      <fieldset>
        <legend>Delay</legend>
        <div className="pair">
          <NumberField
            name="Milliseconds"
            value={values.delayMs}
            max={3_600_000}
            onChange={(delayMs) => set({ delayMs })}
          />
          <NumberField
            name="Percent"
            value={values.delayPercent}
            max={100}
            onChange={(delayPercent) => set({ delayPercent })}
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>Error</legend>
        <div className="pair">
          <NumberField
            name="Status, 0 for none"
            value={values.abortStatus}
            max={599}
            onChange={(abortStatus) => set({ abortStatus })}
          />
          <NumberField
            name="Percent"
            value={values.abortPercent}
            max={100}
            onChange={(abortPercent) => set({ abortPercent })}
          />
        </div>
      </fieldset>
      {nothing ? <p className="tone-warn">Say a delay or a status.</p> : null}
    </>
  );
}

export function MirrorFields(form: FormProperties): ReactNode {
  const { service, objects, versions, onChange } = form;
  const [values, setValues] = useState<MirrorForm>(() => {
    const percentage = fieldsOf(currentRoute(form)?.mirrorPercentage)["value"];
    return { version: versions.at(-1) ?? "", percent: typeof percentage === "number" ? percentage : 100 };
  });
  useResult(onChange, () => (versions.length === 0 ? undefined : mirror(objects, service, values)), values);
  if (versions.length === 0) return <NoVersions />;
  return (
    <div className="pair">
      <Field name="Copies go to" hint="Their answers are thrown away.">
        <Select
          value={values.version}
          options={versions.map((one) => ({ value: one, name: one }))}
          onChange={({ target }) => setValues({ ...values, version: target.value })}
        />
      </Field>
      <NumberField
        name="Percent of the requests"
        value={values.percent}
        max={100}
        onChange={(percent) => setValues({ ...values, percent })}
      />
    </div>
  );
}

function milliseconds(text: unknown): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(textOf(text, ""));
  if (match === null) return 0;
  return Number(match[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match[2]!] ?? 1);
}

export function TimeoutFields(form: FormProperties): ReactNode {
  const { service, objects, onChange } = form;
  const [values, setValues] = useState<TimeoutForm>(() => {
    const route = currentRoute(form);
    const retries = fieldsOf(route?.retries);
    return {
      timeoutMs: milliseconds(route?.timeout) || 2000,
      attempts: typeof retries["attempts"] === "number" ? retries["attempts"] : 2,
      perTryMs: milliseconds(retries["perTryTimeout"]),
      retryOn: typeof retries["retryOn"] === "string" ? retries["retryOn"] : "5xx,connect-failure,refused-stream",
    };
  });
  useResult(onChange, () => timeout(objects, service, values), values);
  const set = (part: Partial<TimeoutForm>): void => setValues({ ...values, ...part });
  return (
    <>
      <NumberField
        name="Whole request, milliseconds"
        value={values.timeoutMs}
        onChange={(timeoutMs) => set({ timeoutMs })}
        hint="0: as long as it takes"
      />
      <div className="pair">
        <NumberField
          name="Attempts after the first"
          value={values.attempts}
          max={10}
          onChange={(attempts) => set({ attempts })}
        />
        <NumberField
          name="Each attempt, milliseconds"
          value={values.perTryMs}
          onChange={(perTryMs) => set({ perTryMs })}
          hint="0: no limit of its own"
        />
      </div>
      <Field name="Try again on">
        <input className="input" value={values.retryOn} onChange={({ target }) => set({ retryOn: target.value })} />
      </Field>
    </>
  );
}

export function BreakerFields(form: FormProperties): ReactNode {
  const { service, objects, onChange } = form;
  const [values, setValues] = useState<BreakerForm>(() => {
    const policy = fieldsOf(fieldsOf(destinationRuleOf(objects, service)?.spec)["trafficPolicy"]);
    const http = fieldsOf(fieldsOf(policy["connectionPool"])["http"]);
    const outlier = fieldsOf(policy["outlierDetection"]);
    const number = (value: unknown, otherwise: number): number => (typeof value === "number" ? value : otherwise);
    return {
      maxPending: number(http["http1MaxPendingRequests"], 100),
      maxRequests: number(http["http2MaxRequests"], 1000),
      consecutiveErrors: number(outlier["consecutive5xxErrors"], 5),
      ejectionSeconds: milliseconds(outlier["baseEjectionTime"]) / 1000 || 30,
      maxEjectionPercent: number(outlier["maxEjectionPercent"], 50),
      fallbackStatus: 0,
      fallbackBody: "{}",
      fallbackType: "application/json",
    };
  });
  useResult(onChange, () => breaker(objects, service, values), values);
  const set = (part: Partial<BreakerForm>): void => setValues({ ...values, ...part });
  return (
    <>
      <fieldset>
        <legend>Limits</legend>
        <div className="pair">
          <NumberField
            name="Requests waiting"
            value={values.maxPending}
            min={1}
            onChange={(maxPending) => set({ maxPending })}
          />
          <NumberField
            name="Requests at a time"
            value={values.maxRequests}
            min={1}
            onChange={(maxRequests) => set({ maxRequests })}
          />
        </div>
      </fieldset>
      <fieldset>
        <legend>Endpoints that fail</legend>
        <div className="pair">
          <NumberField
            name="Out after errors in a row"
            value={values.consecutiveErrors}
            min={1}
            onChange={(consecutiveErrors) => set({ consecutiveErrors })}
          />
          <NumberField
            name="Out for seconds"
            value={values.ejectionSeconds}
            min={1}
            onChange={(ejectionSeconds) => set({ ejectionSeconds })}
          />
        </div>
        <NumberField
          name="At most so many percent out"
          value={values.maxEjectionPercent}
          max={100}
          onChange={(maxEjectionPercent) => set({ maxEjectionPercent })}
        />
      </fieldset>
      <fieldset>
        <legend>Answer instead of the error</legend>
        <div className="pair">
          <NumberField
            name="Status, 0 for none"
            value={values.fallbackStatus}
            max={599}
            onChange={(fallbackStatus) => set({ fallbackStatus })}
          />
          <Field name="Content type">
            <input
              className="input"
              value={values.fallbackType}
              onChange={({ target }) => set({ fallbackType: target.value })}
            />
          </Field>
        </div>
        <Field name="Body">
          <textarea
            className="input mono"
            rows={3}
            value={values.fallbackBody}
            onChange={({ target }) => set({ fallbackBody: target.value })}
          />
        </Field>
      </fieldset>
    </>
  );
}
