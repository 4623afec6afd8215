/** Light, dark, or as the system has it. Kept in this browser. */

export type Theme = "system" | "light" | "dark";

const KEY = "tulle.theme";

export function readTheme(): Theme {
  const value = kept()?.getItem(KEY);
  return value === "light" || value === "dark" ? value : "system";
}

/** Undefined: this browser keeps nothing, as somebody has told it. */
function kept(): Storage | undefined {
  try {
    return localStorage;
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return undefined;
  }
}

export function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
  for (const listener of listeners) listener();
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") kept()?.removeItem(KEY);
  else kept()?.setItem(KEY, theme);
  showTheme(theme);
}

const listeners = new Set<() => void>();

/** Pictures on a canvas have to be drawn anew when colours change. */
export function onThemeChange(listener: () => void): () => void {
  const media = matchMedia("(prefers-color-scheme: dark)");
  listeners.add(listener);
  media.addEventListener("change", listener);
  return () => {
    listeners.delete(listener);
    media.removeEventListener("change", listener);
  };
}
