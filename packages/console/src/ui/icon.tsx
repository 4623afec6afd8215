/** Line drawings on a grid of 16, in the colour of the text around them. */
import type { ReactNode } from "react";

export const ICON_PATHS = {
  overview: "M2.5 2.5h4.5v6h-4.5zM9 2.5h4.5v3.5h-4.5zM9 8h4.5v5.5h-4.5zM2.5 10.5h4.5v3h-4.5z",
  graph:
    "M4 4.2 8 8m0 0 4-3.8M8 8l-4 3.8M8 8l4 3.8M2.6 3.5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M10.2 3.5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M2.6 12.5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0M10.2 12.5a1.6 1.6 0 1 0 3.2 0 1.6 1.6 0 1 0-3.2 0",
  service: "M8 1.8 13.5 5v6L8 14.2 2.5 11V5zM2.7 5.1 8 8.1l5.3-3M8 8.1v6",
  workload: "M2.5 3.5h11v4h-11zM2.5 8.5h11v4h-11zM5 5.5h.01M5 10.5h.01",
  proxy: "M1.8 8h3.4m5.6 0h3.4M5.2 4.5h5.6v7H5.2zM12.4 6.2 14.2 8l-1.8 1.8",
  trace: "M2 3.5h7M4.5 6.5h8M6 9.5h5M8.5 12.5h5.5",
  request: "M2.5 4.5h8.5M8.5 2 11 4.5 8.5 7M13.5 11.5H5M7.5 9 5 11.5 7.5 14",
  explain: "M2.5 2.5h4.5v3.4h-4.5zM9 10.1h4.5v3.4h-4.5zM4.7 5.9v5.9H9M10 4.2h3.5M11.7 2.5v3.4",
  traffic: "M2 8h4c3 0 3-4.5 6-4.5h1.5M6 8c3 0 3 4.5 6 4.5h1.5M12 2l1.8 1.5L12 5M12 11l1.8 1.5L12 14",
  config: "M4 2h5.5L12.5 5v9h-8.5zM9.3 2v3.2h3.2M6.3 8h4M6.3 10.7h4",
  security: "M8 1.7 13 3.6v4c0 3.2-2.1 5.4-5 6.7-2.9-1.3-5-3.5-5-6.7v-4zM5.8 7.9l1.6 1.6 3-3.2",
  certificate: "M2.5 3h11v7h-5M2.5 3v7H5M5 6h6M6.8 9.2a1.8 1.8 0 1 0 .01 0M5.6 12.4 5 15l1.8-1 1.8 1-.6-2.6",
  history: "M2.3 8a5.7 5.7 0 1 0 1.8-4.1M2.2 2.3v3h3M8 5v3.3l2.2 1.4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 1 0 0-9M10.4 10.4 14 14",
  close: "M3.5 3.5l9 9M12.5 3.5l-9 9",
  menu: "M2.5 4h11M2.5 8h11M2.5 12h11",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 1 0 0-5.6M8 1.2v1.6M8 13.2v1.6M1.2 8h1.6M13.2 8h1.6M3.2 3.2l1.1 1.1M11.7 11.7l1.1 1.1M12.8 3.2l-1.1 1.1M4.3 11.7l-1.1 1.1",
  moon: "M13.4 9.6A5.7 5.7 0 0 1 6.4 2.6a5.7 5.7 0 1 0 7 7",
  system: "M2 3h12v8H2zM5.5 13.5h5",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  download: "M8 2v8M4.8 7.2 8 10.4l3.2-3.2M2.5 13.5h11",
  help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M6.2 6.2c.2-2.4 3.7-2.2 3.6 0 0 1.4-1.8 1.5-1.8 2.9M8 11.4h.01",
  ok: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M5.2 8.2l2 2 3.6-4",
  warn: "M8 2 14.5 13.5h-13zM8 6.5v3.2M8 11.6h.01",
  bad: "M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4zM5.8 5.8l4.4 4.4M10.2 5.8l-4.4 4.4",
  info: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M8 7.4v3.4M8 5.2h.01",
  none: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M5.4 8h5.2",
  lock: "M3.5 7h9v6.5h-9zM5.2 7V5a2.8 2.8 0 0 1 5.6 0v2",
  unlock: "M3.5 7h9v6.5h-9zM5.2 7V5a2.8 2.8 0 0 1 5.4-1",
  undo: "M3 6.5h6.5a3.5 3.5 0 0 1 0 7H6M5.5 3.5l-3 3 3 3",
  play: "M4.5 2.8 13 8l-8.5 5.2z",
  pause: "M5 3v10M11 3v10",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  external: "M6 3H3v10h10v-3M9 3h4v4M13 3 7.5 8.5",
  shift: "M2 8h5l4-4.5h3M7 8l4 4.5h3",
  fault: "M8.8 1.5 3.5 9H8l-.8 5.5L12.5 7H8z",
  mirror: "M8 2v12M5.5 5 2 11h3.5zM10.5 5l3.5 6h-3.5z",
  timeout: "M8 3.2a5.4 5.4 0 1 0 0 10.8A5.4 5.4 0 1 0 8 3.2M8 6v2.8l1.8 1.4M6.2 1.5h3.6",
  breaker: "M1.5 8h3M11.5 8h3M4.5 8l6-4M11.5 8h.01",
  chevron: "M6 3.5 10.5 8 6 12.5",
  fit: "M2.5 6v-3.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
} as const;

export type IconName = keyof typeof ICON_PATHS;

/** Decoration unless it has a title. */
export function Icon({ name, title }: { readonly name: IconName; readonly title?: string }): ReactNode {
  return (
    <svg
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.4"
      strokeLinecap="round"
      strokeLinejoin="round"
      {...(title === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": title })}
    >
      <path d={ICON_PATHS[name]} />
    </svg>
  );
}
