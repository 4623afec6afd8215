/** The small parts that all pages are made of. */
import type { ComponentProps, ReactNode } from "react";
import { ApiError } from "../api/client.ts";
import type { Parameters } from "../url/address.ts";
import { Link } from "../url/link.tsx";
import { CopyButton } from "./copy.tsx";
import { Icon } from "./icon.tsx";
import type { IconName } from "./icon.tsx";
import { TONE_ICONS } from "./tone.ts";
import type { Tone } from "./tone.ts";

export function Status({ tone, children }: { readonly tone: Tone; readonly children: ReactNode }): ReactNode {
  return (
    <span className={`status tone-${tone}`}>
      <Icon name={TONE_ICONS[tone]} />
      {children}
    </span>
  );
}

export function Badge({
  tone = "none",
  icon,
  title,
  children,
}: {
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly title?: string;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <span className={`badge tone-${tone}`} title={title}>
      {icon === undefined ? null : <Icon name={icon} />}
      {children}
    </span>
  );
}

export function Notice({
  tone = "info",
  actions,
  children,
}: {
  readonly tone?: Tone;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={`notice tone-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <Icon name={TONE_ICONS[tone]} />
      <div className="wrap">{children}</div>
      {actions === undefined ? null : <div className="actions">{actions}</div>}
    </div>
  );
}

/** Nothing is there: what that means, and what to do. */
export function Empty({ title, children }: { readonly title: string; readonly children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A line for a terminal. */
export function Command({ children }: { readonly children: string }): ReactNode {
  return (
    <div className="command">
      <code tabIndex={0}>{children}</code>
      <CopyButton text={children} label="Copy the command" />
    </div>
  );
}

export function Loading({ what }: { readonly what: string }): ReactNode {
  return (
    <div className="loading" role="status">
      Loading {what} …
    </div>
  );
}

export function Failure({
  what,
  error,
  retry,
}: {
  readonly what: string;
  readonly error: unknown;
  readonly retry?: () => void;
}): ReactNode {
  const message = error instanceof Error ? error.message : String(error);
  const hint =
    error instanceof ApiError && error.status === 0
      ? "Is it running? Traffic goes on without it; tulle up starts it."
      : "";
  return (
    <Notice
      tone="bad"
      actions={
        retry === undefined ? undefined : (
          <button type="button" className="button small" onClick={retry}>
            Try again
          </button>
        )
      }
    >
      <strong>Cannot show {what}.</strong> {message} {hint}
    </Notice>
  );
}

/** A question's answer, or what there is instead of it. What was answered before stays while a new answer fails. */
export function Answer<T>({
  of,
  what,
  absent,
  children,
}: {
  readonly of: { readonly data: T | undefined; readonly error: unknown; refetch(): unknown };
  readonly what: string;
  /** Where nothing being there is no failure (404). */
  readonly absent?: ReactNode;
  readonly children: (data: T) => ReactNode;
}): ReactNode {
  if (absent !== undefined && of.error instanceof ApiError && of.error.status === 404) return absent;
  const failure = of.error === null ? null : <Failure what={what} error={of.error} retry={() => void of.refetch()} />;
  if (of.data === undefined) return failure ?? <Loading what={what} />;
  return (
    <>
      {failure}
      {children(of.data)}
    </>
  );
}

export function Page({
  title,
  crumbs,
  lead,
  actions,
  children,
}: {
  readonly title: ReactNode;
  readonly crumbs?: ReactNode;
  readonly lead?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className="page">
      <div className="page-head">
        {crumbs === undefined ? null : <div className="crumbs">{crumbs}</div>}
        <h1>{title}</h1>
        {actions === undefined ? null : <div className="actions">{actions}</div>}
        {lead === undefined ? null : <p className="lead">{lead}</p>}
      </div>
      {children}
    </div>
  );
}

export function Card({
  title,
  note,
  actions,
  flush = false,
  children,
}: {
  readonly title?: ReactNode;
  readonly note?: ReactNode;
  readonly actions?: ReactNode;
  /** Its content touches the border, as tables do. */
  readonly flush?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <section className="card">
      {title === undefined ? null : (
        <header>
          <h2>{title}</h2>
          {note === undefined ? null : <p>{note}</p>}
          {actions === undefined ? null : <div className="actions row">{actions}</div>}
        </header>
      )}
      {flush ? children : <div className="body">{children}</div>}
    </section>
  );
}

export function Tile({
  label,
  value,
  note,
  tone,
  icon,
  to,
  parameters,
}: {
  readonly label: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
  readonly tone?: Tone;
  readonly icon?: IconName;
  readonly to?: string;
  readonly parameters?: Parameters;
}): ReactNode {
  const content = (
    <>
      <span className="label">
        {tone !== undefined && tone !== "none" ? (
          <span className={`status tone-${tone}`}>
            <Icon name={TONE_ICONS[tone]} />
          </span>
        ) : null}
        {icon === undefined ? null : <Icon name={icon} />}
        {label}
      </span>
      <span className="value">{value}</span>
      {note === undefined ? null : <span className="note">{note}</span>}
    </>
  );
  if (to === undefined) return <div className="card tile">{content}</div>;
  return (
    <Link to={to} className="card tile" {...(parameters === undefined ? {} : { parameters })}>
      {content}
    </Link>
  );
}

/** Pages of one thing: links, so that each has an address. */
export function Tabs({
  label,
  tabs,
  current,
}: {
  readonly label: string;
  readonly tabs: readonly {
    readonly id: string;
    readonly name: ReactNode;
    readonly to?: string;
    readonly parameters?: Parameters;
  }[];
  readonly current: string;
}): ReactNode {
  return (
    <nav className="tabs" aria-label={label}>
      {tabs.map(({ id, name, to, parameters }) => (
        <Link
          key={id}
          {...(to === undefined ? {} : { to })}
          {...(parameters === undefined ? {} : { parameters })}
          aria-current={id === current ? "page" : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  );
}

export function Facts({
  children,
}: {
  readonly children: readonly (readonly [string, ReactNode] | null)[];
}): ReactNode {
  return (
    <dl className="facts">
      {children.map((fact) =>
        fact === null ? null : (
          <div key={fact[0]} style={{ display: "contents" }}>
            <dt>{fact[0]}</dt>
            <dd>{fact[1]}</dd>
          </div>
        ),
      )}
    </dl>
  );
}

export function Segments<T extends string>({
  label,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly name: ReactNode; readonly title?: string }[];
  readonly value: T;
  readonly onChange: (value: T) => void;
}): ReactNode {
  return (
    <span className="segments" role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          title={option.title}
          aria-pressed={option.value === value}
          onClick={() => onChange(option.value)}
        >
          {option.name}
        </button>
      ))}
    </span>
  );
}

export function Field({
  name,
  hint,
  wrong,
  children,
}: {
  readonly name: string;
  readonly hint?: ReactNode;
  readonly wrong?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <label className="field">
      <span className="name">{name}</span>
      {children}
      {wrong === undefined ? null : <span className="wrong">{wrong}</span>}
      {hint === undefined ? null : <span className="hint">{hint}</span>}
    </label>
  );
}

export function Select({
  options,
  ...rest
}: ComponentProps<"select"> & {
  readonly options: readonly { readonly value: string; readonly name: string }[];
}): ReactNode {
  return (
    <select {...rest} className={`input ${rest.className ?? ""}`}>
      {options.map(({ value, name }) => (
        <option key={value} value={value}>
          {name}
        </option>
      ))}
    </select>
  );
}
