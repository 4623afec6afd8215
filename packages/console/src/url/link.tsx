import type { ComponentProps, ReactNode } from "react";
import { Link as PathLink } from "wouter";
import type { Parameters } from "./address.ts";
import { useAddress } from "./use-address.ts";

interface Properties extends Omit<ComponentProps<"a">, "href"> {
  /** Absent: this page. */
  readonly to?: string;
  readonly parameters?: Parameters;
  readonly children: ReactNode;
}

/** A link inside the console, which keeps scope and time. */
export function Link({ to, parameters, children, ...rest }: Properties): ReactNode {
  const address = useAddress();
  const href = to === undefined ? address.here(parameters ?? {}) : address.to(to, parameters);
  return (
    <PathLink {...rest} href={href}>
      {children}
    </PathLink>
  );
}
